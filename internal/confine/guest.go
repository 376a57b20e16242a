package confine

// firstGuest is the first of the users that programs of root's become.
const firstGuest = 1 << 30

// Guest reports whether a user is one of those that programs of root's become
// in a cage: as many as there can be threads.
func Guest(uid int) bool { return uid >= firstGuest && uid < firstGuest+1<<23 }
