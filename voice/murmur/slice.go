package murmur

import _ "embed"

//go:embed murmur.ice
var slice string

// Slice returns the text of the interface of the dialect Murmur in Ice's own
// language.
func Slice() string { return slice }
