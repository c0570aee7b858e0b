package stream

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/coder/websocket"
)

// FuzzFeed reads a stream in pieces: whatever comes, the server lives, and what it
// keeps of it is bounded.
func FuzzFeed(f *testing.F) {
	f.Add([]byte("\n"+report("a")+report("b")), byte(7))
	f.Add([]byte(asFrame(f, report("a"))+asFrame(f, report("b"))), byte(3))
	f.Add([]byte(request("q", "1")+"\n"+asFrame(f, report("a"))), byte(50))
	f.Add([]byte(typed("p", "t-x-c-t")+"<auth><cot username='a' password='b'/></auth>"+report("c")[:90]), byte(200))
	f.Add([]byte("\xbf\xff\xff\xff\xff\xff\xff\xff\xff\x01"), byte(1))
	f.Fuzz(func(t *testing.T, in []byte, piece byte) {
		const limit = 4 << 10
		s, _ := unstarted(t, func(_ *Config, d *Deps) { d.Config.MaxEvent = limit })
		c := joined(t, s)
		for len(in) > 0 {
			n := min(len(in), int(piece)+1)
			if err := c.feed(t.Context(), in[:n]); err != nil {
				return
			}
			in = in[n:]
			if most := c.scan.Pending() + 256; len(c.left) > most {
				t.Fatalf("%d bytes are kept, more than %d", len(c.left), most)
			}
		}
	})
}

// FuzzFrame reads a WebSocket message.
func FuzzFrame(f *testing.F) {
	f.Add([]byte(asFrame(f, report("a"))))
	f.Add([]byte("\xbf\x00"))
	f.Add([]byte("\xbf\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := frame(websocket.MessageBinary, b)
		if err == nil && (!bytes.HasSuffix(b, p) || len(b)-len(p) > 1+binary.MaxVarintLen64) {
			t.Fatalf("%q is not what %q holds", p, b)
		}
	})
}
