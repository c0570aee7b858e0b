// Command muster is the server and its command line. See `muster --help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/alecthomas/kong"
)

const description = `Muster moves a team's positions, video and voice and puts them in one room.

Start with

  muster serve

and follow the welcome. Everything else changes a running server through
DATA/muster.sock, or the data itself while the server is stopped:

  muster user add pilot --group uas      somebody who publishes and watches in "uas"
  muster token create pilot drone1 --publish uas/drone1
                                         a stream key for one drone
  muster user disable pilot              ends everything pilot has open, at once
  muster check                           is the configuration right?`

// cli is the command line. Every command's Help teaches by example.
type cli struct {
	Data   string `help:"Folder with everything the server keeps." default:"data" env:"MUSTER_DATA" placeholder:"DIR" type:"path"`
	Config string `help:"Configuration file. Without one the defaults hold." env:"MUSTER_CONFIG" placeholder:"FILE" short:"c" type:"path"`

	Serve      serveCmd      `cmd:"" help:"Run the server."`
	Check      checkCmd      `cmd:"" help:"Check the configuration, or print all settings."`
	User       userCmd       `cmd:"" help:"People: add, list, passwd, disable, enable, remove."`
	Group      groupCmd      `cmd:"" help:"Groups: add, list, remove, grant, revoke."`
	Token      tokenCmd      `cmd:"" help:"Tokens and stream keys: create, list, revoke."`
	Cert       certCmd       `cmd:"" help:"Client certificates: issue, list, revoke."`
	Enroll     enrollCmd     `cmd:"" help:"Let a phone get its certificate: a link and a QR code, valid once."`
	Mail       mailCmd       `cmd:"" help:"Mail: test whether it arrives."`
	Backup     backupCmd     `cmd:"" help:"Save everything the server keeps into one file."`
	Restore    restoreCmd    `cmd:"" help:"Bring a backup into an empty data folder."`
	Completion completionCmd `cmd:"" help:"Print a completion script for your shell."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
	Compositor compositorCmd `cmd:"" hidden:"" help:"Compose the pictures of one room, for the server that started this."`
}

// streams are where a command reads and writes, so that tests need no process.
type streams struct {
	in       io.Reader
	out, err io.Writer
	terminal func() (int, bool) // descriptor of the terminal that in is, if it is one
}

// gcPercent lets the heap grow by half before it is collected, unless GOGC says
// otherwise: what is alive is mostly connections, which make little garbage, and
// thousands of them should fit on a small machine.
const gcPercent = 50

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, terminal: stdinTerminal})
	stop()
	os.Exit(code)
}

// execute runs one command line and returns the exit status: 0 done, 1 it went
// wrong, 2 it was not understood.
func execute(ctx context.Context, args []string, std streams) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("muster"), kong.Description(description), kong.UsageOnError(),
		kong.Writers(std.out, std.err), kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if err != nil {
		fmt.Fprintln(std.err, "muster:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parser.Parse(args)
	if exited >= 0 { // --help was printed
		return exited
	}
	if err != nil {
		fmt.Fprintf(std.err, "muster: %v\nTry 'muster --help'.\n", err)
		return 2
	}
	kctx.BindTo(ctx, (*context.Context)(nil))
	kctx.Bind(std, &c, parser)
	if err := kctx.Run(); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(std.err, "muster:", err)
		return 1
	}
	return 0
}

type versionCmd struct{}

// Run prints version, Go version, platform and build options.
func (versionCmd) Run(std streams) error {
	fmt.Fprintf(std.out, "muster %s %s %s/%s codecs=%t\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH, withCodecs)
	return nil
}

// version is the module's version, or the commit it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value[:min(12, len(s.Value))]
		}
	}
	if info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
