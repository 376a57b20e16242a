package store

// blobs keeps object bodies outside the collections.
type blobs struct{}
