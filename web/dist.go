package web

import "embed"

// dist is the built interface, from web/ui.
//
//go:embed all:dist
var dist embed.FS
