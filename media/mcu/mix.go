package mcu

import (
	"slices"
	"time"

	"muster/media/codec"
	"muster/media/codec/opus"
)

// step makes 20 ms of sound. It returns false when nobody wants any.
func (s *sound) step(now time.Time) bool {
	s.mu.Lock()
	if s.stopped || !s.needed() {
		s.mu.Unlock()
		return false
	}
	ins, outs := slices.Clone(s.ins), slices.Clone(s.outs)
	_, bar := s.next(now)
	s.bury()
	s.mu.Unlock()

	clear(s.sum[:])
	s.heard = s.heard[:0]
	s.turns.next(bar)
	for i, in := range ins {
		s.take(i, in, now)
	}
	if len(outs) > 0 {
		s.room.rooms.count.mixed.Add(1)
		s.serve(outs)
	}
	return true
}

// take decodes what in, the i-th of the room, has for this tick, passes it on
// where it is heard singly, and adds it to the sum.
func (s *sound) take(i int, in *AudioIn, now time.Time) {
	measured, heard := in.measured.Load(), in.heard(now)
	decode := heard || measured && s.turns.due(i, in)
	in.fill(decode)
	if measured {
		voice := in.measure(decode, s.turns.near(), now)
		may := s.may(in, voice, now)
		if !may {
			heard = false
		} else if heard || in.loud() >= s.turns.bar {
			s.rank(in, now)
			heard = in.heard(now)
		}
	}
	if !heard {
		in.filled, in.audible = false, false
		return
	}
	if in.filled && !in.audible {
		fadeIn(&in.tick)
		in.audible = true
	}
	if in.format.Codec != codec.Opus && s.tapped.Load() {
		s.relayed(in, now)
	}
	if !in.filled {
		return
	}
	s.heard = append(s.heard, in)
	for i, v := range in.tick {
		s.sum[i] += int32(v)
	}
}

// relayed passes a voice that is not in Opus to those who hear it singly.
func (s *sound) relayed(in *AudioIn, now time.Time) {
	if in.relay == nil {
		enc, err := newOpusEncoder(opus.VoIP, relayLoss)
		if err != nil {
			s.room.log.Error("a voice cannot be encoded", "error", err)
			return
		}
		in.relay = &relay{enc: enc}
	}
	if !in.filled {
		clear(in.tick[:])
	}
	p, err := in.relay.next(in)
	if err != nil {
		s.room.log.Debug("a frame was not encoded", "error", err)
		return
	}
	s.room.rooms.count.encoded.Add(1)
	s.forward(in, p, now)
}

// serve encodes the mix for everybody: once per format for all who are silent,
// and one without its own voice for each who speaks.
func (s *sound) serve(outs []*AudioOut) {
	for _, x := range s.shared {
		x.wanted, x.encoded = false, false
		if x.lost != x.told {
			x.enc.lose(int(x.lost))
			x.told = x.lost
		}
		x.lost = 0
	}
	mixed := false
	var limited [frame]int16
	for _, o := range outs {
		if in, busy := s.inOf(o.p), o.p != nil && o.p.busy.Load(); in != nil || busy {
			s.serveOwn(o, in, busy)
			continue
		}
		o.toned = 0
		x := s.mixFor(o.format)
		if x == nil {
			continue
		}
		if !mixed {
			s.limiter.apply(s.sum[:], limited[:])
			mixed = true
		}
		if !x.encoded {
			n, err := x.enc.encode(limited[:], x.buf[:])
			if err != nil {
				s.room.log.Debug("a mix was not encoded", "error", err)
				n = 0
			}
			x.n, x.encoded = n, true
			s.room.rooms.count.encoded.Add(1)
		}
		x.wanted, x.lost = true, max(x.lost, o.loss.Load())
		if x.n > 0 {
			o.deliver(x.buf[:x.n])
		}
	}
	for f, x := range s.shared {
		if !x.wanted && !slices.ContainsFunc(outs, func(o *AudioOut) bool { return o.format == f }) {
			x.enc.close()
			delete(s.shared, f)
		}
	}
}

// inOf returns the voice of p that is in the sum, nil for none.
func (s *sound) inOf(p *Participant) *AudioIn {
	for _, in := range s.heard {
		if in.p == p {
			return in
		}
	}
	return nil
}

func (s *sound) mixFor(f AudioFormat) *sharedMix {
	x := s.shared[f]
	if x == nil {
		enc, err := newEncoder(f)
		if err != nil {
			s.room.log.Error("the mix cannot be encoded", "codec", f.Codec, "error", err)
			return nil
		}
		x = &sharedMix{enc: enc}
		s.shared[f] = x
	}
	return x
}

// serveOwn sends o the mix without the voice in, which may be nil, and with the busy
// tone if it talks in vain.
func (s *sound) serveOwn(o *AudioOut, in *AudioIn, busy bool) {
	if o.own == nil {
		enc, err := newEncoder(o.format)
		if err != nil {
			s.room.log.Error("a mix cannot be encoded", "codec", o.format.Codec, "error", err)
			return
		}
		o.own = enc
	}
	if l := o.loss.Load(); l != o.told {
		o.own.lose(int(l))
		o.told = l
	}
	s.part = s.sum
	if in != nil {
		for i, v := range in.tick {
			s.part[i] -= int32(v)
		}
	}
	if busy {
		o.toned = addBusyTone(s.part[:], o.toned)
	} else {
		o.toned = 0
	}
	o.limiter.apply(s.part[:], s.pcm[:])
	n, err := o.own.encode(s.pcm[:], o.buf[:])
	if err != nil {
		s.room.log.Debug("a mix was not encoded", "error", err)
		return
	}
	s.room.rooms.count.encoded.Add(1)
	o.deliver(o.buf[:n])
}
