package provision

// Updates reports whether resources of a type can be updated in place.
func (p *Provider) Updates(resourceType string) bool { return p.types[resourceType].update != nil }
