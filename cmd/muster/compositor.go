package main

import (
	"log/slog"
	"os"
	"os/exec"

	"muster/media/mcu/compositor"
)

// compositorCmd is the child process in which the pictures of one room are
// decoded and encoded.
type compositorCmd struct{}

// Run serves the parent by the file that it has handed over.
func (compositorCmd) Run() error { return compositor.Child() }

// composing returns how a compositor is started; nil where this program has none.
func composing(log *slog.Logger) func() *exec.Cmd {
	log = log.With("part", "rooms")
	if err := compositor.Available(); err != nil {
		log.Info("rooms compose no pictures: telephones are shown one video at a time, and the streams of rooms have sound only", "error", err)
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		log.Error("rooms compose no pictures: this program does not find itself", "error", err)
		return nil
	}
	return func() *exec.Cmd { return exec.Command(self, "compositor") }
}
