package policy

import "sync"

// Cache keeps parsed documents by their text, so that a policy is parsed once
// and not with every call. The zero value is ready; safe for concurrent use.
type Cache struct {
	mu   sync.RWMutex
	docs map[cacheKey]*Document
}

type cacheKey struct {
	kind Kind
	text string
}

// cacheSize bounds a cache; a full one starts anew, which costs one parse each.
const cacheSize = 10_000

// Parse is Parse, remembered. A document that does not parse is not.
func (c *Cache) Parse(kind Kind, text string) (*Document, error) {
	k := cacheKey{kind, text}
	c.mu.RLock()
	doc := c.docs[k]
	c.mu.RUnlock()
	if doc != nil {
		return doc, nil
	}
	doc, err := Parse(kind, text)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.docs == nil || len(c.docs) >= cacheSize {
		c.docs = map[cacheKey]*Document{}
	}
	c.docs[k] = doc
	return doc, nil
}
