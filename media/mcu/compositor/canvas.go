//go:build codecs && cgo

package compositor

import (
	"reflect"

	"muster/media/mcu/compositor/video"
	"muster/media/mcu/layout"
)

// canvasKey is what makes one canvas different from another.
type canvasKey struct {
	scene         string
	width, height int
}

// canvas is one composed picture, kept from frame to frame: only what has
// changed is drawn again.
type canvas struct {
	pic   *video.Picture
	state sceneState
	slots []*slot
	stale bool // all of it has to be drawn
	mark  *sticker
}

// slot is a tile on a canvas.
type slot struct {
	tile   Tile
	note   string
	input  uint32
	rect   layout.Rect // in pixels
	shown  int64       // count of the feed's picture that is drawn; -1 for the card, -2 for nothing
	name   *sticker    // over the picture
	card   *video.Picture
	beyond []int // later slots that lie over this one
}

// sticker is a small picture to be laid over another.
type sticker struct {
	at    layout.Rect
	pic   *video.Picture
	alpha []byte
}

const (
	showsNothing = -2
	showsCard    = -1
)

func newCanvas(width, height int) *canvas {
	return &canvas{pic: video.NewPicture(width, height), stale: true}
}

// set changes the scene. Tiles that stay as they were keep what was made for
// them.
func (c *canvas) set(st sceneState) {
	if reflect.DeepEqual(st, c.state) {
		return
	}
	old := c.slots
	c.state, c.slots, c.stale = st, nil, true
	for i, t := range st.Scene.Tiles {
		s := &slot{tile: t, shown: showsNothing, rect: c.fit(t.Rect)}
		if i < len(st.Inputs) && i < len(st.Notes) {
			s.input, s.note = st.Inputs[i], st.Notes[i]
		}
		if s.rect.W < 2 || s.rect.H < 2 {
			continue
		}
		for _, o := range old {
			if o.rect == s.rect && o.tile.Name == t.Name && o.tile.Muted == t.Muted && o.note == s.note {
				s.name, s.card = o.name, o.card
			}
		}
		if s.name == nil && (t.Name != "" || t.Muted) {
			s.name = nameBar(t.Name, t.Muted, s.rect)
		}
		for k, below := range c.slots {
			if overlap(below.rect, s.rect) {
				c.slots[k].beyond = append(c.slots[k].beyond, len(c.slots))
			}
		}
		c.slots = append(c.slots, s)
	}
	c.mark = nil
	if st.Scene.Recording {
		c.mark = recordingMark(c.pic.Width, c.pic.Height)
	}
}

// fit turns a rectangle of the scene into one of the canvas, with even edges.
func (c *canvas) fit(r layout.Rect) layout.Rect {
	x := func(v int) int { return min(v*c.pic.Width/c.state.Scene.Width, c.pic.Width) &^ 1 }
	y := func(v int) int { return min(v*c.pic.Height/c.state.Scene.Height, c.pic.Height) &^ 1 }
	left, top := x(r.X), y(r.Y)
	return layout.Rect{X: left, Y: top, W: x(r.X+r.W) - left, H: y(r.Y+r.H) - top}
}

func overlap(a, b layout.Rect) bool {
	return a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H
}

// draw brings the canvas up to date with the feeds.
func (c *canvas) draw(feeds map[uint32]*feed) {
	if c.stale {
		y, u, v := yuv(c.state.Scene.Background)
		c.pic.Fill(y, u, v)
		for _, s := range c.slots {
			s.shown = showsNothing
		}
	}
	marked := c.stale
	for _, s := range c.slots {
		f := feeds[s.input]
		want := int64(showsCard)
		if f != nil && f.pic != nil {
			want = f.count
		}
		if s.shown == want {
			continue
		}
		if want == showsCard {
			c.drawCard(s)
		} else {
			c.drawPicture(s, f.pic)
		}
		s.shown = want
		for _, k := range s.beyond {
			c.slots[k].shown = showsNothing
		}
		marked = marked || c.mark != nil && overlap(s.rect, c.mark.at)
	}
	if c.mark != nil && marked {
		c.mark.stick(c.pic)
	}
	c.stale = false
}

func (c *canvas) drawCard(s *slot) {
	if s.card == nil {
		s.card = card(s.tile.Name, s.note, s.tile.Muted, s.rect.W, s.rect.H)
	}
	part := c.pic.Part(s.rect.X, s.rect.Y, s.rect.W, s.rect.H)
	part.Scale(s.card)
	drawBorder(part, s.tile.Speaking)
}

func (c *canvas) drawPicture(s *slot, src *video.Picture) {
	r := s.rect
	target := c.pic.Part(r.X, r.Y, r.W, r.H)
	inner := target
	if s.tile.Contain {
		// The largest shape of the picture that fits.
		w, h := r.W, r.W*src.Height/src.Width
		if h > r.H {
			w, h = r.H*src.Width/src.Height, r.H
		}
		w, h = max(w&^1, 2), max(h&^1, 2)
		if w != r.W || h != r.H {
			target.Fill(16, 128, 128)
			inner = target.Part((r.W-w)/2&^1, (r.H-h)/2&^1, w, h)
		}
	} else {
		// The largest part of the picture that has the tile's shape.
		w, h := src.Width, src.Width*r.H/r.W
		if h > src.Height {
			w, h = src.Height*r.W/r.H, src.Height
		}
		w, h = max(w&^1, 2), max(h&^1, 2)
		if w <= src.Width && h <= src.Height {
			src = src.Part((src.Width-w)/2&^1, (src.Height-h)/2&^1, w, h)
		}
	}
	inner.Scale(src)
	drawBorder(target, s.tile.Speaking)
	if s.name != nil {
		s.name.stick(c.pic)
	}
}

func (s *sticker) stick(p *video.Picture) {
	p.Part(s.at.X, s.at.Y, s.at.W, s.at.H).Blend(s.pic, s.alpha)
}

// drawBorder frames who speaks.
func drawBorder(p *video.Picture, speaking bool) {
	if !speaking {
		return
	}
	y, u, v := yuv(0x35c759)
	n := 2 * max(1, min(p.Width, p.Height)/120)
	if p.Width <= 2*n || p.Height <= 2*n {
		return
	}
	w, h := p.Width&^1, p.Height&^1
	p.Part(0, 0, w, n).Fill(y, u, v)
	p.Part(0, h-n, w, n).Fill(y, u, v)
	p.Part(0, 0, n, h).Fill(y, u, v)
	p.Part(w-n, 0, n, h).Fill(y, u, v)
}

// yuv is a colour 0xRRGGBB in ITU-R BT.601 with limited range.
func yuv(rgb uint32) (y, u, v byte) {
	r, g, b := int(rgb>>16&0xff), int(rgb>>8&0xff), int(rgb&0xff)
	return byte((66*r+129*g+25*b+128)>>8 + 16), byte((-38*r-74*g+112*b+128)>>8 + 128), byte((112*r-94*g-18*b+128)>>8 + 128)
}
