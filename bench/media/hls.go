package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

func measureHLS(ctx context.Context, s *server, o options, f figureSet) error {
	// A segmenter that starts cold can use what the server holds of the past: the
	// stream must have one.
	if err := sleep(ctx, 5*time.Second); err != nil {
		return err
	}
	cold := counter{win: &window{}, begin: time.Now()}
	alone, stop := context.WithTimeout(ctx, answerWithin)
	err := readHLS(alone, s, &cold, stop) // the first media ends it
	if stop(); cold.join == 0 {
		return fmt.Errorf("the first reader got nothing: %w", err)
	}
	f[hlsCold] = cold.join.Seconds() * 1000

	var a audience
	sum, cpu, rss, err := a.measure(ctx, s, o.hls, o.seconds, func(ctx context.Context, c *counter) error {
		return readHLS(ctx, s, c, func() {})
	})
	if err != nil {
		return err
	}
	f[hlsCPU], f[hlsRSS] = cpu, rss
	f[hlsP50], f[hlsP95] = at(sum.late, 0.5), at(sum.late, 0.95)
	f[hlsJoin50], f[hlsJoin95] = at(sum.join, 0.5), at(sum.join, 0.95)
	f[hlsRate] = sum.bitrate
	return nil
}

// readHLS plays the stream by Low-Latency HLS until ctx ends: a connection for
// each of the two playlists, blocking reloads, and every part. joined is called
// when the first media is there.
func readHLS(ctx context.Context, s *server, count *counter, joined func()) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2}}
	defer client.CloseIdleConnections()
	index := &url.URL{Scheme: "http", Host: addr(s.ports.hls), Path: "/" + path + "/index.m3u8"}
	b, at, err := fetch(ctx, client, index)
	if err != nil {
		return err
	}
	lists := addresses(string(b), at, false)
	if len(lists) == 0 {
		return errors.New("the playlist names none")
	}
	var mu sync.Mutex
	take := func(b []byte) {
		mu.Lock()
		defer mu.Unlock()
		if count.join == 0 {
			count.join = time.Since(count.begin)
			joined()
		}
		if count.win.open.Load() {
			count.bytes += len(b)
			if sent, ok := sentAt(b); ok && len(b) > 2*audioSize*50 {
				count.late = append(count.late, time.Since(epoch)-sent)
			}
		}
	}
	errs := make(chan error, len(lists))
	for _, list := range lists {
		go func() { errs <- follow(ctx, client, list, take) }()
	}
	for range lists {
		err = errors.Join(err, <-errs)
	}
	return err
}

// follow reloads one media playlist and takes every part that is new.
func follow(ctx context.Context, client *http.Client, list *url.URL, take func([]byte)) error {
	seen := make(map[string]bool)
	for next := ""; ; {
		u := *list
		if next != "" {
			u.RawQuery = strings.TrimPrefix(u.RawQuery+"&"+next, "&")
		}
		b, at, err := fetch(ctx, client, &u)
		if err != nil {
			return err
		}
		now := make(map[string]bool)
		parts := addresses(string(b), at, true)
		if next == "" && len(parts) > 1 {
			for _, old := range parts[:len(parts)-1] { // begin with the newest
				seen[old.Path] = true
			}
		}
		for _, part := range parts {
			now[part.Path] = true
			if seen[part.Path] {
				continue
			}
			media, _, err := fetch(ctx, client, part)
			if err != nil {
				return err
			}
			take(media)
		}
		seen = now
		if next, err = following(string(b)); err != nil {
			return err
		}
	}
}

var (
	uriOf      = regexp.MustCompile(`URI="([^"]+)"`)
	sequenceOf = regexp.MustCompile(`#EXT-X-MEDIA-SEQUENCE:(\d+)`)
)

// addresses lists what a playlist names: its parts, or the playlists in it.
func addresses(playlist string, base *url.URL, parts bool) []*url.URL {
	var out []*url.URL
	for line := range strings.Lines(playlist) {
		line = strings.TrimSpace(line)
		var ref string
		switch m := uriOf.FindStringSubmatch(line); {
		case m != nil && (parts && strings.HasPrefix(line, "#EXT-X-PART:") || !parts && strings.HasPrefix(line, "#EXT-X-MEDIA:")):
			ref = m[1]
		case !parts && line != "" && line[0] != '#':
			ref = line
		default:
			continue
		}
		if u, err := base.Parse(ref); err == nil {
			out = append(out, u)
		}
	}
	return out
}

// following returns the query that asks for the playlist with the next part.
func following(playlist string) (string, error) {
	m := sequenceOf.FindStringSubmatch(playlist)
	if m == nil {
		return "", errors.New("a playlist without sequence numbers")
	}
	first, err := strconv.Atoi(m[1])
	segments, part := 0, 0
	for line := range strings.Lines(playlist) {
		switch {
		case strings.HasPrefix(line, "#EXTINF"):
			segments, part = segments+1, 0
		case strings.HasPrefix(line, "#EXT-X-PART:"):
			part++
		}
	}
	return fmt.Sprintf("_HLS_msn=%d&_HLS_part=%d", first+segments, part), err
}

// fetch gets what is at u and says where it was in the end.
func fetch(ctx context.Context, client *http.Client, u *url.URL) ([]byte, *url.URL, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, err
	}
	if strings.HasSuffix(u.Path, "/index.m3u8") {
		req.SetBasicAuth(user, password)
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("HLS: status %d: %.100s", res.StatusCode, b)
	}
	return b, res.Request.URL, err
}
