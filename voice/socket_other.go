//go:build !unix

package voice

// writeFD leaves all writing to the goroutine that may wait.
func writeFD(uintptr, []byte) (int, error) { return 0, nil }
