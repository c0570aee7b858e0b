package main

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
)

// call dials, makes one API call and hangs up.
func call(ctx context.Context, c *cli, method, path string, in, out any) error {
	cl, err := dial(ctx, c)
	if err != nil {
		return err
	}
	defer cl.close()
	return cl.do(ctx, method, path, in, out)
}

func apiPath(parts ...string) string {
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/api/v1/" + strings.Join(parts, "/")
}

// table prints rows in columns.
func table(std streams, header string, rows [][]string) {
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(header, "|", "\t"))
	for _, r := range rows {
		fmt.Fprintln(w, strings.Join(r, "\t"))
	}
	w.Flush()
}
