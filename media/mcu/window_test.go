package mcu

import (
	"errors"
	"testing"
	"time"

	"muster/internal/store/storetest"
	"muster/media/codec"
)

// vp8Packet makes a payload of a picture with the descriptor that browsers send.
func vp8Packet(picture uint16, tl0 uint8, key bool) []byte {
	b := []byte{0x90, 0xe0, 0x80 | byte(picture>>8), byte(picture), tl0, 0x00, 0x01}
	if key {
		b[6] = 0x00
		b = append(b, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01)
	}
	return b
}

func sender(t *testing.T, h *house, layers int) (*Participant, *Track, func() []int) {
	t.Helper()
	p, _ := h.mustJoin(t, member("cam", true))
	asked := make(chan int, 100)
	tr, err := p.OpenTrack(TrackSpec{Source: Camera, Codec: codec.VP8, Layers: make([]LayerInfo, layers), KeyFrame: func(i int) { asked <- i }})
	if err != nil {
		t.Fatal(err)
	}
	return p, tr, func() (all []int) {
		for {
			select {
			case i := <-asked:
				all = append(all, i)
			default:
				return all
			}
		}
	}
}

func TestAWindowHasNoSeam(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	_, tr, _ := sender(t, h, 2)
	var got []Outgoing
	w := NewWindow(func(out []Outgoing) { got = append(got, out...) })
	w.Show(tr, 0)
	seq := []uint16{65534, 100}
	pic := []uint16{0x7ffe, 9000}
	tl0 := []uint8{254, 30}
	ts := []uint32{1 << 31, 77}
	write := func(layer int, key bool) {
		tr.Write(layer, &Packet{Seq: seq[layer], Timestamp: ts[layer], Marker: true, Payload: vp8Packet(pic[layer], tl0[layer], key)})
		seq[layer]++
		pic[layer] = (pic[layer] + 1) & 0x7fff
		tl0[layer]++
		ts[layer] += 3600
	}
	write(0, false) // nothing is shown before a key frame
	if len(got) != 0 {
		t.Fatal("a picture was sent that nobody can decode")
	}
	write(0, true)
	write(0, false)
	w.Show(tr, 1)
	write(1, false) // not a key frame: the old layer goes on
	write(0, false)
	write(1, true)
	write(0, false) // of the layer that was left
	write(1, false)
	if len(got) != 5 {
		t.Fatalf("%d packets were sent, want 5", len(got))
	}
	for i := 1; i < len(got); i++ {
		if got[i].Seq != got[i-1].Seq+1 {
			t.Errorf("packet %d: number %d after %d", i, got[i].Seq, got[i-1].Seq)
		}
		if d := int32(got[i].Timestamp - got[i-1].Timestamp); d <= 0 {
			t.Errorf("packet %d: time goes by %d", i, d)
		}
		a, b := numbersOf(got[i-1]), numbersOf(got[i])
		if b.Picture != (a.Picture+1)&0x7fff || b.TL0 != a.TL0+1 {
			t.Errorf("packet %d: picture %d.%d after %d.%d", i, b.Picture, b.TL0, a.Picture, a.TL0)
		}
	}
	if _, layer := w.Shown(); layer != 1 {
		t.Errorf("layer %d is shown", layer)
	}
}

func numbersOf(o Outgoing) VP8 {
	b := append([]byte(nil), o.Payload...)
	if o.VP8 != nil {
		o.VP8.Apply(b)
	}
	d, _ := readVP8(b)
	return VP8{Picture: number(b, d), TL0: b[d.tl0]}
}

func TestAWindowKeepsTheGapsOfItsSender(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	_, tr, _ := sender(t, h, 1)
	var got []uint16
	w := NewWindow(func(out []Outgoing) {
		for _, o := range out {
			got = append(got, o.Seq)
		}
	})
	w.Show(tr, 0)
	for _, s := range []uint16{10, 11, 13, 12} {
		tr.Write(0, &Packet{Seq: s, Payload: vp8Packet(s, 0, s == 10)})
	}
	if len(got) != 4 || got[2] != got[1]+2 || got[3] != got[1]+1 {
		t.Errorf("numbers %v: a lost packet that came after all has no place", got)
	}
}

func TestKeyFrameRequestsAreMerged(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	_, tr, asked := sender(t, h, 1)
	for range 100 {
		NewWindow(func([]Outgoing) {}).Show(tr, 0)
	}
	if n := len(asked()); n != 1 {
		t.Errorf("100 viewers asked %d times", n)
	}
}

func TestLayersFitPlaceAndBandwidth(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	_, tr, _ := sender(t, h, 3)
	now := time.Now()
	for i, l := range tr.layers {
		tr.SetLayer(i, LayerInfo{Width: 320 << i, Height: 180 << i})
		l.last.Store(now.UnixNano())
		l.rate.bps.Store(int64(100_000 << (2 * i)))
	}
	for _, c := range []struct {
		name      string
		w, h, bps int
		silent    int
		want      int
	}{
		{"a small place", 160, 90, 0, -1, 0},
		{"a middle one", 500, 300, 0, -1, 1},
		{"a large one", 1920, 1080, 0, -1, 2},
		{"a large one on a thin line", 1920, 1080, 500_000, -1, 1},
		{"a large one on next to nothing", 1920, 1080, 1000, -1, 0},
		{"the fitting layer is not sent", 500, 300, 0, 1, 2},
		{"the largest is not sent", 1920, 1080, 0, 2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.silent >= 0 {
				tr.layers[c.silent].last.Store(now.Add(-time.Minute).UnixNano())
				defer tr.layers[c.silent].last.Store(now.UnixNano())
			}
			if got := tr.FitLayer(c.w, c.h, c.bps, now); got != c.want {
				t.Errorf("layer %d, want %d", got, c.want)
			}
		})
	}
}

func TestAPictureOutlivesItsNumbers(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	_, tr, asked := sender(t, h, 1)
	sent, seq := 0, uint16(0)
	w := NewWindow(func(out []Outgoing) {
		for _, o := range out {
			if sent > 0 && o.Seq != seq+1 {
				t.Fatalf("packet %d: number %d after %d", sent, o.Seq, seq)
			}
			sent, seq = sent+1, o.Seq
		}
	})
	w.Show(tr, 0)
	const packets = 3 << 15
	for i := range packets {
		p := &Packet{Seq: uint16(i), Timestamp: uint32(i) * 3000, Payload: vp8Packet(uint16(i)&0x7fff, uint8(i), i == 0)}
		tr.Write(0, p)
		tr.Write(0, p) // sent again though it had come
	}
	if sent != packets {
		t.Fatalf("%d packets of %d were passed on", sent, packets)
	}
	asked()
	tr.layers[0].asked.Store(0)
	for i := range 3 { // of a sender that counts anew
		tr.Write(0, &Packet{Seq: 5000 + uint16(i), Timestamp: uint32(i), Payload: vp8Packet(uint16(i), uint8(i), false)})
	}
	if sent != packets || len(asked()) == 0 {
		t.Errorf("%d packets were passed on after the sender began anew, which is told by a key frame only", sent-packets)
	}
	for i := range 3 {
		tr.Write(0, &Packet{Seq: 5003 + uint16(i), Timestamp: uint32(i), Payload: vp8Packet(uint16(i), uint8(i), i == 0)})
	}
	if sent != packets+3 {
		t.Errorf("%d packets were passed on from the key frame on, want 3", sent-packets)
	}
}

func TestWhoLeavesTakesThePicturesAlong(t *testing.T) {
	h := open(t, DefaultConfig(), storetest.Config(t, "sqlite"))
	h.make(t, nil)
	viewer, ear := h.mustJoin(t, member("viewer", false))
	p, tr, _ := sender(t, h, 1)
	if _, err := viewer.Track(tr.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := viewer.OpenTrack(TrackSpec{Source: Camera, Codec: codec.VP8, Layers: make([]LayerInfo, 1)}); !errors.Is(err, ErrListener) {
		t.Errorf("a listener sends a picture: %v", err)
	}
	for range maxTracksEach - 1 {
		if _, err := p.OpenTrack(TrackSpec{Source: Screen, Codec: codec.H264, Layers: make([]LayerInfo, 1)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.OpenTrack(TrackSpec{Source: Screen, Codec: codec.VP8, Layers: make([]LayerInfo, 1)}); !errors.Is(err, ErrTracks) {
		t.Errorf("one too many: %v", err)
	}
	p.Leave(nil)
	if _, err := viewer.Track(tr.ID); !errors.Is(err, ErrNotFound) || !tr.Over() {
		t.Errorf("the picture stays: %v", err)
	}
	if n := ear.count(EventUntrack); n != maxTracksEach {
		t.Errorf("the viewer was told of %d pictures that went", n)
	}
}

func FuzzVP8(f *testing.F) {
	f.Add(vp8Packet(1, 2, true))
	f.Add([]byte{0x90, 0x80, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		startsKeyFrame(codec.VP8, b)
		keyFrameSize(codec.VP8, b)
		var n vp8Numbers
		n.begin(b)
		if v := n.next(b); v != nil {
			v.Apply(append([]byte(nil), b...))
		}
		(&VP8{Picture: 5, TL0: 6}).Apply(append([]byte(nil), b...))
	})
}

func FuzzH264(f *testing.F) {
	f.Add([]byte{24, 0, 2, 0x67, 0x42, 0, 1, 0x68})
	f.Fuzz(func(t *testing.T, b []byte) {
		startsKeyFrame(codec.H264, b)
		keyFrameSize(codec.H264, b)
	})
}
