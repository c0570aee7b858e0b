package compositor

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestMessagesSurviveTheWay(t *testing.T) {
	want := Frame{AU: [][]byte{{1, 2, 3}, {}, {4}}, PTS: 1234567 * time.Microsecond, Key: true}
	b := appendPicture(nil, 7, want)
	b = appendNumber(b, msgNeedKey, 9)
	b = appendFrame(b, 3, H264, [][]byte{{0x65, 1}, {0x41}})
	b = appendFrame(b, 4, VP8, [][]byte{{0x10, 1}})
	r := bytes.NewReader(b)
	kind, body, buf, err := readMessage(r, nil)
	if kind != msgPicture || err != nil {
		t.Fatal(kind, err)
	}
	number, got, err := parsePicture(body)
	if d := cmp.Diff(want, got); number != 7 || err != nil || d != "" {
		t.Errorf("%d, %v: %s", number, err, d)
	}
	for _, want := range []struct {
		kind   byte
		number uint32
		rest   []byte
	}{
		{msgNeedKey, 9, []byte{}},
		{msgFrame, 3, []byte{0, 0, 0, 1, 0x65, 1, 0, 0, 0, 1, 0x41}},
		{msgFrame, 4, []byte{0x10, 1}},
	} {
		kind, body, buf, err = readMessage(r, buf)
		if err != nil {
			t.Fatal(err)
		}
		number, rest, err := parseNumber(body)
		if kind != want.kind || number != want.number || !bytes.Equal(rest, want.rest) || err != nil {
			t.Errorf("%c %d % x, %v; want %+v", kind, number, rest, err, want)
		}
	}
	if _, _, _, err := readMessage(r, buf); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestALengthIsCheckedBeforeMemoryIsTaken(t *testing.T) {
	for name, b := range map[string][]byte{
		"too long": {0xff, 0xff, 0xff, 0xff, msgFrame},
		"nothing":  {0, 0, 0, 0, msgFrame},
	} {
		if _, _, _, err := readMessage(bytes.NewReader(b), nil); !errors.Is(err, errMessage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(appendPicture(nil, 7, Frame{AU: [][]byte{{1}, {2, 3}}}))
	f.Add([]byte{0, 0, 0, 15, msgPicture, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 5 && (b[0] != 0 || b[1] != 0) {
			return // the length alone is checked elsewhere
		}
		_, body, _, err := readMessage(bytes.NewReader(b), nil)
		if err != nil {
			return
		}
		_, _, _ = parsePicture(body)
		_, _, _ = parseNumber(body)
	})
}

func FuzzInspect(f *testing.F) {
	f.Add([]byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0x01, 0x40, 0x16, 0xec, 0x04, 0x40, 0x00, 0x00, 0x03, 0x00, 0x40})
	f.Add([]byte{0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01})
	f.Fuzz(func(t *testing.T, unit []byte) {
		_, _ = inspect(H264, [][]byte{unit})
		_, _ = inspect(VP8, [][]byte{unit})
	})
}
