package g722

// band is the adaptive state of one of the two bands, the same in encoder and
// decoder.
type band struct {
	s     int32    // what the predictor expects
	zero  int32    // the part of it that comes from the zeros
	r     [3]int32 // reconstructed signal, newest first
	p     [3]int32 // partly reconstructed signal
	a     [3]int32 // coefficients of the poles, from 1
	d     [7]int32 // quantised differences, newest first
	b     [7]int32 // coefficients of the zeros, from 1
	log   int32    // logarithm of the quantiser's scale
	scale int32
}

// adaptLow follows a code of the lower band without its two lowest bits,
// which may be stolen for data (G.722 §3.3, §3.4).
func (b *band) adaptLow(code byte) {
	diff := b.scale * inverse4[code] >> 15
	b.log = min(max(b.log*127>>7+steps4[code], 0), 18432)
	b.scale = antilog(b.log, 8)
	b.predict(diff)
}

func (b *band) adaptHigh(code byte) {
	diff := b.scale * inverse2[code] >> 15
	b.log = min(max(b.log*127>>7+steps2[code], 0), 22528)
	b.scale = antilog(b.log, 10)
	b.predict(diff)
}

// antilog turns the logarithm of a scale into the scale.
func antilog(log, top int32) int32 {
	v := exponents[log>>6&31]
	if by := top - log>>11; by >= 0 {
		return v >> by << 2
	} else {
		return v << -by << 2
	}
}

// predict moves the predictor one sample on (G.722 §3.6).
func (b *band) predict(diff int32) {
	b.r[0] = saturate(b.s + diff)
	b.p[0] = saturate(b.zero + diff)
	b.d[0] = diff
	b.adaptPoles()
	b.adaptZeros()
	copy(b.r[1:], b.r[:2])
	copy(b.p[1:], b.p[:2])
	copy(b.d[1:], b.d[:6])

	pole := b.a[1]*saturate(2*b.r[1])>>15 + b.a[2]*saturate(2*b.r[2])>>15
	b.zero = 0
	for i := 6; i > 0; i-- {
		b.zero += b.b[i] * saturate(2*b.d[i]) >> 15
	}
	b.zero = saturate(b.zero)
	b.s = saturate(saturate(pole) + b.zero)
}

func (b *band) adaptPoles() {
	same1 := b.p[0] < 0 == (b.p[1] < 0)
	same2 := b.p[0] < 0 == (b.p[2] < 0)
	first := saturate(4 * b.a[1])
	if same1 {
		first = saturate(-first)
	}
	a2 := first>>7 - 128
	if same2 {
		a2 += 256
	}
	a2 = min(max(a2+b.a[2]*32512>>15, -12288), 12288)
	a1 := b.a[1]*32640>>15 - 192
	if same1 {
		a1 += 384
	}
	most := 15360 - a2
	b.a[1], b.a[2] = min(max(saturate(a1), -most), most), a2
}

func (b *band) adaptZeros() {
	step := int32(128)
	if b.d[0] == 0 {
		step = 0
	}
	for i := 1; i <= 6; i++ {
		by := -step
		if b.d[i] < 0 == (b.d[0] < 0) {
			by = step
		}
		b.b[i] = saturate(by + b.b[i]*32640>>15)
	}
}
