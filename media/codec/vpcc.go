package codec

import "bytes"

// FixVPCC corrects, in place, the VP9 configuration in the header of an MP4
// file that mediacommon wrote. It leaves the three colour descriptions 0, which
// for the matrix means RGB (ISO/IEC 23091-2): Chromium refuses that with
// subsampled chroma. 2 means unspecified, and the decoder takes what the frames
// say. Files without such a box are left alone; header must not hold media.
func FixVPCC(header []byte) {
	// VP Codec ISO Media File Format Binding §2.2: version and flags (4), profile,
	// level, depth and subsampling, primaries, transfer, matrix.
	const primaries = 4 + 4 + 3
	i := bytes.Index(header, []byte("vpcC"))
	if i < 0 || len(header) < i+primaries+3 {
		return
	}
	for j := i + primaries; j < i+primaries+3; j++ {
		if header[j] == 0 {
			header[j] = 2
		}
	}
}
