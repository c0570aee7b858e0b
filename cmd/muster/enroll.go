package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/boombuler/barcode/qr"
)

type enrollCmd struct {
	User    string `arg:"" help:"Who the device belongs to."`
	Device  string `help:"Which device it is, for people." placeholder:"NAME"`
	Minutes int    `help:"Minutes that it is valid; as configured if left out." placeholder:"N"`
	Mail    bool   `help:"Also send the page to the user's mail address."`
	NoQR    bool   `name:"no-qr" help:"Print no QR code."`
}

// Help is shown by muster enroll --help.
func (enrollCmd) Help() string {
	return `Prints a link, valid once and for a short while, by which a phone gets its own
certificate. Open the page on the phone, or scan the QR code with the phone that
has ATAK 5.1 or newer. The page also has what iTAK and WinTAK need.

Examples:
  muster enroll pilot
  muster enroll pilot --device tablet --minutes 60`
}

// Run opens an enrolment.
func (e enrollCmd) Run(ctx context.Context, std streams, c *cli) error {
	in := map[string]any{"user": e.User, "device": e.Device, "minutes": e.Minutes, "mail": e.Mail}
	var out struct {
		Token, ATAKURL, ITAKText, Page string
		Expires                        time.Time
	}
	if err := call(ctx, c, http.MethodPost, apiPath("enrolments"), in, &out); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "Page    %s\nATAK    %s\niTAK    %s\nToken   %s  (in place of the password of %s, once)\nUntil   %s\n",
		out.Page, out.ATAKURL, out.ITAKText, out.Token, e.User, out.Expires.Local().Format("2006-01-02 15:04"))
	if e.NoQR {
		return nil
	}
	code, err := terminalQR(out.ATAKURL)
	if err != nil {
		return err
	}
	fmt.Fprint(std.out, "\n", code)
	return nil
}

// terminalQR draws a QR code with half blocks, two rows of it in a line, light on
// dark with the margin that scanners need.
func terminalQR(text string) (string, error) {
	c, err := qr.Encode(text, qr.M, qr.Unicode)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	size := c.Bounds().Dx()
	const margin = 2
	light := func(x, y int) bool {
		if x < 0 || y < 0 || x >= size || y >= size {
			return true
		}
		r, _, _, _ := c.At(x, y).RGBA()
		return r >= 0x8000
	}
	var b strings.Builder
	for y := -margin; y < size+margin; y += 2 {
		// Colours are set, so that it is right on a light terminal, too.
		b.WriteString("\x1b[97;40m")
		for x := -margin; x < size+margin; x++ {
			switch top, bottom := light(x, y), light(x, y+1); {
			case top && bottom:
				b.WriteString("█")
			case top:
				b.WriteString("▀")
			case bottom:
				b.WriteString("▄")
			default:
				b.WriteString(" ")
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String(), nil
}
