package store

// Shared returns the collection registered under name, or registers it with
// these options: for state that two services work on, such as a table's items
// and its stream. Every caller must give the same type and options; another
// type panics.
func Shared[T any](s *Store, name string, opts ...Option[T]) *Collection[T] {
	if c, ok := s.collections[name]; ok {
		return c.(*Collection[T])
	}
	return NewCollection(s, name, opts...)
}
