package aac

// The window sequences (ISO/IEC 14496-3 table 4.110).
const (
	onlyLong = iota
	longStart
	eightShort
	longStop
)

// maxBands is the most bands that any rate has.
const maxBands = 51

// info is the ics_info of a channel: its windows and how they are grouped.
type info struct {
	sequence uint8
	shape    uint8 // of the right half: 0 sine, 1 Kaiser-Bessel derived
	maxBand  int   // bands that are sent
	groups   int
	length   [8]int   // of each group, windows
	offsets  []uint16 // of the bands
	width    int      // coefficients of one window
	tnsBands int
}

// parse reads an ics_info (ISO/IEC 14496-3 table 4.6).
func (f *info) parse(r *reader, b *bands) error {
	r.skip(1) // reserved
	f.sequence = uint8(r.read(2))
	f.shape = uint8(r.read(1))
	f.groups, f.length = 1, [8]int{1}
	if f.sequence == eightShort {
		f.offsets, f.width, f.tnsBands = b.short, Samples/8, b.tnsShort
		f.maxBand = int(r.read(4))
		grouping := r.read(7)
		for i := 6; i >= 0; i-- {
			if grouping>>i&1 == 0 {
				f.groups++
				f.length[f.groups-1] = 1
			} else {
				f.length[f.groups-1]++
			}
		}
	} else {
		f.offsets, f.width, f.tnsBands = b.long, Samples, b.tnsLong
		f.maxBand = int(r.read(6))
		if r.flag() {
			return broken("prediction")
		}
	}
	if f.maxBand >= len(f.offsets) {
		return broken("too many bands")
	}
	return nil
}

// windows returns the number of windows.
func (f *info) windows() int { return Samples / f.width }
