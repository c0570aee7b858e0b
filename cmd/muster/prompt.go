package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxPassword caps what is read from standard input, in bytes.
const maxPassword = 1024

func stdinTerminal() (int, bool) {
	fd := int(os.Stdin.Fd())
	return fd, term.IsTerminal(fd)
}

// askPassword reads a password from standard input or asks for it twice on the
// terminal, without showing it.
func askPassword(std streams, fromStdin bool, prompt string) (string, error) {
	if fromStdin {
		line, err := bufio.NewReader(io.LimitReader(std.in, maxPassword)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			return "", errors.New("standard input held no password")
		}
		return line, nil
	}
	fd, ok := std.terminal()
	if !ok {
		return "", errors.New("there is no terminal to ask for the password; pipe it in and add --password-stdin")
	}
	ask := func(prompt string) (string, error) {
		fmt.Fprint(std.err, prompt+": ")
		b, err := term.ReadPassword(fd)
		fmt.Fprintln(std.err)
		return string(b), err
	}
	first, err := ask(prompt)
	if err != nil {
		return "", err
	}
	again, err := ask("Once more")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return first, nil
}
