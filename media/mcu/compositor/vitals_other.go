//go:build !linux

package compositor

func vitalsOf(int) (vitals, bool) { return vitals{}, false }
