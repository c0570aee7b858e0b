package video

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

type connectionRow struct {
	bun.BaseModel `bun:"table:video_connections,alias:v"`

	UUID           string `bun:"uuid,pk"`
	Number         int64  `bun:"number"`
	Alias          string `bun:"alias"`
	Active         bool   `bun:"active"`
	Thumbnail      string `bun:"thumbnail"`
	Classification string `bun:"classification"`
	Owner          string `bun:"owner"`
	Groups         string `bun:"group_names"` // JSON
	Feeds          string `bun:"feeds"`       // JSON
	Created        int64  `bun:"created"`
	Updated        int64  `bun:"updated"`
}

func (r connectionRow) connection() (Connection, error) {
	c := Connection{UUID: r.UUID, Number: r.Number, Alias: r.Alias, Active: r.Active, Thumbnail: r.Thumbnail, Classification: r.Classification,
		Owner: r.Owner, Created: time.UnixMilli(r.Created).UTC(), Updated: time.UnixMilli(r.Updated).UTC()}
	if err := json.Unmarshal([]byte(r.Groups), &c.Groups); err != nil {
		return c, fmt.Errorf("video: read the groups of %s: %w", r.UUID, err)
	}
	if err := json.Unmarshal([]byte(r.Feeds), &c.Feeds); err != nil {
		return c, fmt.Errorf("video: read the feeds of %s: %w", r.UUID, err)
	}
	return c, nil
}

func rowOf(c Connection) (connectionRow, error) {
	groups, err := json.Marshal(c.Groups)
	if err != nil {
		return connectionRow{}, fmt.Errorf("video: %w", err)
	}
	feeds, err := json.Marshal(c.Feeds)
	if err != nil {
		return connectionRow{}, fmt.Errorf("video: %w", err)
	}
	return connectionRow{UUID: c.UUID, Number: c.Number, Alias: c.Alias, Active: c.Active, Thumbnail: c.Thumbnail, Classification: c.Classification,
		Owner: c.Owner, Groups: string(groups), Feeds: string(feeds), Created: c.Created.UnixMilli(), Updated: c.Updated.UnixMilli()}, nil
}

// read returns all that is stored, by number.
func (s *Service) read(ctx context.Context) ([]Connection, error) {
	var rows []connectionRow
	if err := s.deps.DB.Query().NewSelect().Model(&rows).Order("number").Scan(ctx); err != nil {
		return nil, fmt.Errorf("video: read the list: %w", err)
	}
	out := make([]Connection, 0, len(rows))
	for _, r := range rows {
		c, err := r.connection()
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}
