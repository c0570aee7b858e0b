package codec

import (
	"bytes"
	"testing"
)

func TestFixVPCC(t *testing.T) {
	box := []byte{0, 0, 0, 20, 'v', 'p', 'c', 'C', 1, 0, 0, 0, 0, 10, 0x82, 0, 9, 0, 0, 0}
	FixVPCC(box)
	if want := []byte{2, 9, 2, 0, 0}; !bytes.Equal(box[15:], want) {
		t.Fatalf("colours are %v, not %v", box[15:], want)
	}
	FixVPCC(box[:12]) // cut short
	FixVPCC(nil)
}
