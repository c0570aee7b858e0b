//go:build !codecs || !cgo

package compositor

// Available returns nil if this program has the codecs, or ErrUnavailable.
func Available() error { return ErrUnavailable }

// Child returns ErrUnavailable.
func Child() error { return ErrUnavailable }
