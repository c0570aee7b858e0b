// Package prompt speaks to callers, and hears the keys that sound in what they
// send. The sentences are in text, what was spoken of them in sounds: `make
// prompts` makes the one from the other.
package prompt

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Name is something a caller is told.
type Name string

// The prompts.
const (
	PIN       Name = "pin"       // please enter the PIN, then the hash key
	WrongPIN  Name = "wrong-pin" // the PIN is wrong, try again
	Joined    Name = "joined"    // you are in the room
	Waiting   Name = "waiting"   // a host will let you in
	Muted     Name = "muted"     // the microphone is off
	Unmuted   Name = "unmuted"   // the microphone is on
	Emergency Name = "emergency" // you are in the room, which is about an emergency
	Cancelled Name = "cancelled" // the emergency is over
	Recorded  Name = "recorded"  // the room is being recorded
	Goodbye   Name = "goodbye"   // the call ends
)

// names are all prompts; each language has all of them.
var names = []Name{PIN, WrongPIN, Joined, Waiting, Muted, Unmuted, Emergency, Cancelled, Recorded, Goodbye}

//go:embed sounds
var sounds embed.FS

// Languages returns the languages that are spoken, sorted, by their ISO 639
// codes.
func Languages() []string {
	dirs, _ := fs.ReadDir(sounds, "sounds") // it is part of the program
	out := make([]string, 0, len(dirs))
	for _, d := range dirs {
		out = append(out, d.Name())
	}
	slices.Sort(out)
	return out
}

// load reads the packets of a prompt: Opus, one channel, 20 ms each.
func load(language string, n Name) ([][]byte, error) {
	b, err := sounds.ReadFile(path.Join("sounds", language, string(n)+".opus"))
	if err != nil {
		return nil, fmt.Errorf("prompt: %s in %s: %w", n, language, err)
	}
	packets, err := ogg(b)
	if err != nil {
		return nil, fmt.Errorf("prompt: %s in %s: %w", n, language, err)
	}
	if len(packets) < 3 || !strings.HasPrefix(string(packets[0]), "OpusHead") {
		return nil, fmt.Errorf("prompt: %s in %s: %w", n, language, errOgg)
	}
	return packets[2:], nil // behind the header and the comments (RFC 7845 §3)
}
