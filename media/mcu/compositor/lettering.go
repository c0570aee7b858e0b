//go:build codecs && cgo

package compositor

import (
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"

	"muster/media/mcu/compositor/video"
	"muster/media/mcu/layout"
)

// Colours of what is drawn in.
var (
	white     = color.NRGBA{0xff, 0xff, 0xff, 0xff}
	grey      = color.NRGBA{0xb4, 0xbc, 0xc8, 0xff}
	red       = color.NRGBA{0xff, 0x45, 0x3a, 0xff}
	shade     = color.NRGBA{0x10, 0x14, 0x1a, 0xb0}
	cardColor = color.NRGBA{0x1f, 0x27, 0x33, 0xff}
	discColor = color.NRGBA{0x3d, 0x5a, 0x80, 0xff}
)

// maxText is how many letters of a name are looked at.
const maxText = 80

// face returns letters of a size in pixels: Latin, Greek and Cyrillic.
func face(size int) font.Face {
	f, err := opentype.Parse(gomedium.TTF)
	if err != nil {
		panic("compositor: " + err.Error()) // it is part of this program
	}
	face, err := opentype.NewFace(f, &opentype.FaceOptions{Size: float64(size), DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		panic("compositor: " + err.Error())
	}
	return face
}

// legible removes what is no letter to be drawn and bounds the length.
func legible(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	if r := []rune(text); len(r) > maxText {
		text = string(r[:maxText])
	}
	return text
}

// shorten cuts text to a width in pixels.
func shorten(f font.Face, text string, width int) string {
	text = legible(text)
	if font.MeasureString(f, text).Ceil() <= width {
		return text
	}
	r := []rune(text)
	for len(r) > 0 {
		r = r[:len(r)-1]
		if short := strings.TrimSpace(string(r)) + "…"; font.MeasureString(f, short).Ceil() <= width {
			return short
		}
	}
	return ""
}

// write draws text with its left end and its middle line at x, y.
func write(img *image.NRGBA, f font.Face, text string, x, y int, c color.Color) {
	m := f.Metrics()
	d := font.Drawer{Dst: img, Src: image.NewUniform(c), Face: f}
	d.Dot = fixed.P(x, y+(m.CapHeight.Ceil()+1)/2)
	d.DrawString(text)
}

// nameBar is the name at the lower edge of a tile.
func nameBar(name string, muted bool, r layout.Rect) *sticker {
	height := min(max(r.H/9, 18), 44) &^ 1
	if height > r.H || r.W < 2*height {
		return nil
	}
	f := face(height * 6 / 10)
	pad := height / 3
	left := pad
	if muted {
		left += height * 2 / 3
	}
	name = shorten(f, name, r.W-left-2*pad)
	width := min(left+font.MeasureString(f, name).Ceil()+pad, r.W)
	if name == "" {
		width = left + pad
	}
	width = min((width+1)&^1, r.W)
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Bounds(), image.NewUniform(shade), image.Point{}, draw.Src)
	if muted {
		drawMicrophoneOff(img, float64(pad)+float64(height)*0.22, float64(height)/2, float64(height)*0.36)
	}
	write(img, f, name, left, height/2, white)
	pic, alpha := toPicture(img)
	return &sticker{layout.Rect{X: r.X, Y: r.Y + r.H - height&^1, W: width, H: height}, pic, alpha}
}

// recordingMark is the mark at the upper right of the whole picture.
func recordingMark(width, height int) *sticker {
	h := min(max(height/20, 20), 40) &^ 1
	f := face(h * 6 / 10)
	const text = "REC"
	w := (h*3/2 + font.MeasureString(f, text).Ceil()) &^ 1
	if w+h > width || 2*h > height {
		return nil
	}
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	draw.Draw(img, img.Bounds(), image.NewUniform(shade), image.Point{}, draw.Src)
	radius := float64(h) * 0.26
	paint(img, red, func(x, y float64) float64 {
		return math.Hypot(x-float64(h)*0.6, y-float64(h)/2) - radius
	})
	write(img, f, text, h*11/10, h/2, white)
	pic, alpha := toPicture(img)
	return &sticker{layout.Rect{X: (width - w - h/2) &^ 1, Y: (h / 2) &^ 1, W: w, H: h}, pic, alpha}
}

// card stands for a participant without a picture.
func card(name, note string, muted bool, width, height int) *video.Picture {
	img := image.NewNRGBA(image.Rect(0, 0, width, height))
	draw.Draw(img, img.Bounds(), image.NewUniform(cardColor), image.Point{}, draw.Src)
	size := float64(min(width, height))
	radius, cx, cy := size*0.2, float64(width)/2, float64(height)*0.4
	name, note = legible(name), legible(note)
	if letters := initials(name); letters != "" && radius >= 8 {
		paint(img, discColor, func(x, y float64) float64 { return math.Hypot(x-cx, y-cy) - radius })
		f := face(int(radius * 0.8))
		write(img, f, letters, int(cx)-font.MeasureString(f, letters).Ceil()/2, int(cy), white)
	}
	if muted && radius >= 8 {
		drawMicrophoneOff(img, cx+radius*0.9, cy+radius*0.8, radius*0.35)
	}
	lines := []struct {
		text string
		size float64
		at   float64
		c    color.Color
	}{{name, size * 0.085, 0.7, white}, {note, size * 0.06, 0.83, grey}}
	for _, l := range lines {
		if l.text == "" {
			continue
		}
		f := face(min(max(int(l.size), 10), 48))
		text := shorten(f, l.text, width*9/10)
		write(img, f, text, (width-font.MeasureString(f, text).Ceil())/2, int(float64(height)*l.at), l.c)
	}
	pic, _ := toPicture(img)
	return pic
}

// initials are the first letters of the first and the last word.
func initials(name string) string {
	var words []string
	for _, w := range strings.Fields(name) {
		if r := []rune(w)[0]; unicode.IsLetter(r) || unicode.IsDigit(r) {
			words = append(words, strings.ToUpper(string(r)))
		}
	}
	switch len(words) {
	case 0:
		return ""
	case 1:
		return words[0]
	}
	return words[0] + words[len(words)-1]
}

// drawMicrophoneOff draws a red microphone with a stroke through it around
// x, y; half is half its height.
func drawMicrophoneOff(img *image.NRGBA, cx, cy, half float64) {
	segment := func(x, y, x1, y1, x2, y2 float64) float64 {
		dx, dy := x2-x1, y2-y1
		t := min(max(((x-x1)*dx+(y-y1)*dy)/(dx*dx+dy*dy), 0), 1)
		return math.Hypot(x-x1-t*dx, y-y1-t*dy)
	}
	line := half * 0.11
	paint(img, red, func(x, y float64) float64 {
		x, y = x-cx, y-cy
		body := segment(x, y, 0, -half*0.62, 0, -half*0.05) - half*0.3
		cradle := math.Abs(math.Hypot(x, y+half*0.05)-half*0.55) - line
		if y < 0 {
			cradle = half
		}
		foot := segment(x, y, 0, half*0.55, 0, half*0.95) - line
		stroke := segment(x, y, -half*0.75, -half*0.85, half*0.75, half*0.85) - line*1.2
		return min(body, cradle, foot, stroke)
	})
}

// paint colours where the distance to a shape is below zero, with soft edges.
func paint(img *image.NRGBA, c color.NRGBA, distance func(x, y float64) float64) {
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			cover := min(max(0.5-distance(float64(x)+0.5, float64(y)+0.5), 0), 1)
			if cover == 0 {
				continue
			}
			under := img.NRGBAAt(x, y)
			mix := func(a, b byte) byte { return byte(float64(a)*cover + float64(b)*(1-cover) + 0.5) }
			img.SetNRGBA(x, y, color.NRGBA{mix(c.R, under.R), mix(c.G, under.G), mix(c.B, under.B), max(mix(c.A, under.A), under.A)})
		}
	}
}

// toPicture turns an image into what the encoder takes, and the weight of each
// pixel. Its width and height are even.
func toPicture(img *image.NRGBA) (*video.Picture, []byte) {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	p, alpha := video.NewPicture(w, h), make([]byte, w*h)
	for y := range h {
		for x := range w {
			c := img.NRGBAAt(x, y)
			alpha[y*w+x] = c.A
			luma, u, v := yuv(uint32(c.R)<<16 | uint32(c.G)<<8 | uint32(c.B))
			p.Y[y*p.StrideY+x] = luma
			if x&1 == 0 && y&1 == 0 {
				p.U[y/2*p.StrideUV+x/2], p.V[y/2*p.StrideUV+x/2] = u, v
			}
		}
	}
	return p, alpha
}
