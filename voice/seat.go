package voice

// VirtualUser is somebody who is in a channel without a Mumble client.
type VirtualUser struct {
	Name    string // as shown; made unique where it is not
	Comment string // plain text
	Muted   bool
	Deaf    bool
}

// Seat is the place of a VirtualUser. Its methods may be called from any
// goroutine; after Close they do nothing.
type Seat struct{ u *user }
