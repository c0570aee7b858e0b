// Package layout says where the tiles of a picture lie: pure geometry.
//
// All rectangles have even edges, since pictures are coded with a quarter of
// the colour samples, and lie within the picture without overlapping.
package layout

// Rect is a part of a picture, in pixels.
type Rect struct{ X, Y, W, H int }

// MaxTiles is how many tiles a picture holds at most.
const MaxTiles = 25

// Grid parts a picture of w × h into n equal tiles, 1 to MaxTiles, in rows of
// which the last is centred. It takes as many columns as give the largest
// tiles of 16:9, and of two that do the more where the picture is wide.
func Grid(n, w, h int) []Rect {
	n = clamp(n)
	cols := 1
	best := 0
	for c := 1; c <= n; c++ {
		rows := (n + c - 1) / c
		// The width of the 16:9 picture that fits into one tile.
		if fit := min(w/c, h/rows*16/9); fit > best || fit == best && w > h {
			cols, best = c, fit
		}
	}
	rows := (n + cols - 1) / cols
	var tiles []Rect
	for row := range rows {
		inRow := min(cols, n-row*cols)
		left := (w - w*inRow/cols) / 2
		for c := range inRow {
			tiles = append(tiles, edges(left+w*c/cols, h*row/rows, left+w*(c+1)/cols, h*(row+1)/rows))
		}
	}
	return tiles
}

// Speaker gives the first of n tiles most of the picture and puts the others
// into a strip below it.
func Speaker(n, w, h int) []Rect {
	n = clamp(n)
	if n == 1 {
		return []Rect{edges(0, 0, w, h)}
	}
	others := n - 1
	strip := min(h/5, w/others*9/16)
	tiles := []Rect{edges(0, 0, w, h-strip)}
	width := min(strip*16/9, w/others)
	left := (w - width*others) / 2
	for i := range others {
		tiles = append(tiles, edges(left+i*width, h-strip, left+(i+1)*width, h))
	}
	return tiles
}

// Presenter gives the first of n tiles, a screen, the left of the picture and
// puts the others, who talk about it, into a column to its right.
func Presenter(n, w, h int) []Rect {
	n = clamp(n)
	if n == 1 {
		return []Rect{edges(0, 0, w, h)}
	}
	others := n - 1
	column := min(w/5, h/others*16/9)
	tiles := []Rect{edges(0, 0, w-column, h)}
	height := min(column*9/16, h/others)
	top := (h - height*others) / 2
	for i := range others {
		tiles = append(tiles, edges(w-column, top+i*height, w, top+(i+1)*height))
	}
	return tiles
}

func clamp(n int) int { return min(max(n, 1), MaxTiles) }

// edges makes a rectangle of its edges, each moved to an even place.
func edges(left, top, right, bottom int) Rect {
	left, top, right, bottom = left&^1, top&^1, right&^1, bottom&^1
	return Rect{left, top, right - left, bottom - top}
}
