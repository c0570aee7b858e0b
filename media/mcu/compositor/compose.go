//go:build codecs && cgo

package compositor

import (
	"encoding/json"
	"fmt"
	"time"

	"muster/media/mcu/compositor/video"
)

// setState brings inputs, canvases and encoders to what the parent wants.
func (w *worker) setState(body []byte) error {
	var st state
	if err := json.Unmarshal(body, &st); err != nil {
		return fmt.Errorf("%w: %w", errMessage, err)
	}
	if w.epoch == 0 {
		w.epoch = st.Epoch
	}
	w.setInputs(st.Inputs)
	w.setOutputs(st.Outputs)
	wanted := make(map[canvasKey]bool)
	for _, e := range w.encoders {
		key := canvasKey{e.cfg.Scene, e.cfg.Width, e.cfg.Height}
		wanted[key] = true
		if w.canvases[key] == nil {
			w.canvases[key] = newCanvas(e.cfg.Width, e.cfg.Height)
		}
	}
	for key, c := range w.canvases {
		if !wanted[key] {
			delete(w.canvases, key)
			continue
		}
		c.set(st.Scenes[key.scene])
	}
	return nil
}

func (w *worker) setInputs(inputs []inputState) {
	known := make(map[uint32]bool)
	for _, in := range inputs {
		known[in.Number] = true
		if w.feeds[in.Number] == nil {
			w.feeds[in.Number] = &feed{number: in.Number, codec: in.Codec}
		}
	}
	for number, f := range w.feeds {
		if known[number] {
			continue
		}
		if f.dec != nil {
			f.dec.Close()
		}
		delete(w.feeds, number)
	}
}

func (w *worker) setOutputs(outputs []outputState) {
	known := make(map[uint32]bool)
	fps := 0
	for _, o := range outputs {
		known[o.Number] = true
		fps = max(fps, o.Config.FPS)
		if w.encoders[o.Number] != nil {
			continue
		}
		e := &encoder{number: o.Number, cfg: o.Config}
		w.open(e)
		w.encoders[o.Number] = e
	}
	for number, e := range w.encoders {
		if known[number] {
			continue
		}
		if e.enc != nil {
			e.enc.Close()
		}
		delete(w.encoders, number)
	}
	w.pace.want(fps)
}

// open makes an encoder that has none. Where that cannot be, it is tried again
// with the next report.
func (w *worker) open(e *encoder) {
	var err error
	e.enc, err = video.NewEncoder(video.EncoderConfig{
		Codec: e.cfg.Codec, Width: e.cfg.Width, Height: e.cfg.Height,
		FPS: e.cfg.FPS, Bitrate: e.cfg.Bitrate, MaxUnit: e.cfg.MaxUnit,
	})
	if err != nil {
		e.enc, w.report.Trouble = nil, err.Error()
	}
	e.key = true
}

// compose draws and encodes what is due.
func (w *worker) compose(now time.Time) error {
	var due []*encoder
	drawn := make(map[canvasKey]bool)
	for _, e := range w.encoders {
		step := time.Second / time.Duration(e.cfg.FPS)
		if e.enc == nil || now.Before(e.due.Add(-step/4)) {
			continue
		}
		e.due = e.due.Add(step)
		if e.due.Before(now) {
			e.due = now.Add(step)
		}
		due = append(due, e)
		drawn[canvasKey{e.cfg.Scene, e.cfg.Width, e.cfg.Height}] = true
	}
	if len(due) == 0 {
		return nil
	}
	if err := w.say(appendNumber(w.buf[:0], msgDecode, 0)); err != nil {
		return err
	}
	for key := range drawn {
		w.canvases[key].draw(w.feeds)
	}
	pts := w.epoch + now.Sub(w.started)
	// One after the other: two at once get in each other's way in the caches,
	// and other rooms have use for the other cores.
	for _, e := range due {
		w.encode(e, pts, now)
		if e.err != nil {
			w.report.Trouble = e.err.Error()
			e.enc.Close()
			e.enc = nil
			continue
		}
		if len(e.made) == 0 {
			continue
		}
		w.report.Encoded++
		if _, err := w.out.Write(e.made); err != nil {
			return err
		}
	}
	return nil
}

// encode makes the message with the next picture of an encoder, or none.
func (w *worker) encode(e *encoder, pts time.Duration, now time.Time) {
	canvas := w.canvases[canvasKey{e.cfg.Scene, e.cfg.Width, e.cfg.Height}]
	key := e.key && now.Sub(e.lastKey) >= keyEvery
	var f Frame
	f.AU, f.Key, e.err = e.enc.Encode(canvas.pic, pts.Milliseconds(), key, e.units[:0])
	e.units = f.AU
	e.made = e.made[:0]
	if e.err != nil || len(f.AU) == 0 {
		return
	}
	if f.Key {
		e.key, e.lastKey = false, now
	}
	f.PTS = pts
	e.made = appendPicture(e.made, e.number, f)
}
