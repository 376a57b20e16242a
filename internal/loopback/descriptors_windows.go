package loopback

// descriptors are not counted on Windows.
func descriptors() int { return mostConnections * shareOfDescriptors }
