package history

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"
)

// Rule says what is kept of one kind of thing. What breaks one of the limits goes,
// the oldest first; 0 is no limit.
type Rule struct {
	Kind      string  `json:"kind"`
	Days      float64 `json:"days"`
	Megabytes int64   `json:"megabytes"` // of 10^6 bytes
	Count     int64   `json:"count,omitempty"`
}

func (r Rule) check() error {
	const most = 100 * 365
	if r.Days < 0 || r.Days > most || r.Megabytes < 0 || r.Megabytes > 1e9 || r.Count < 0 {
		return fmt.Errorf("%w rule for %s: days, megabytes and count are 0 or greater", ErrInvalid, r.Kind)
	}
	return nil
}

// Kinds lists the kinds of things that have rules.
func (s *Service) Kinds() []string {
	out := []string{KindPosition, KindMarker, KindChat, KindAlert}
	for _, h := range s.deps.Holders {
		out = append(out, h.Kind())
	}
	return out
}

// Rules returns the rule of each kind.
func (s *Service) Rules(ctx context.Context) ([]Rule, error) {
	var rows []ruleRow
	if err := s.deps.DB.Query().NewSelect().Model(&rows).Scan(ctx); err != nil {
		return nil, fmt.Errorf("history: read the rules: %w", err)
	}
	rules := s.cfg.Keep.rules()
	for _, r := range rows {
		rules[r.Kind] = Rule{Kind: r.Kind, Days: r.Days, Megabytes: r.Megabytes, Count: r.Count}
	}
	out := make([]Rule, 0, len(rules))
	for _, k := range s.Kinds() {
		r := rules[k]
		r.Kind = k
		out = append(out, r)
	}
	return out, nil
}

// SetRules replaces the rules of the kinds that are named. The error wraps
// ErrInvalid. When it returns nil they are on disk.
func (s *Service) SetRules(ctx context.Context, rules []Rule) error {
	byKind := make(map[string]ruleRow)
	for _, r := range rules {
		if !slices.Contains(s.Kinds(), r.Kind) {
			return fmt.Errorf("%w rule: there are no things of kind %.40q", ErrInvalid, r.Kind)
		}
		if err := r.check(); err != nil {
			return err
		}
		byKind[r.Kind] = ruleRow{Kind: r.Kind, Days: r.Days, Megabytes: r.Megabytes, Count: r.Count}
	}
	if len(byKind) == 0 {
		return nil
	}
	rows := slices.Collect(maps.Values(byKind))
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&rows).On("CONFLICT (kind) DO UPDATE").
			Set("days = EXCLUDED.days").Set("megabytes = EXCLUDED.megabytes").Set("max_count = EXCLUDED.max_count").Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("history: write the rules: %w", err)
	}
	return nil
}

const (
	settingSchedule = "schedule"
	settingLast     = "last"
)

// Schedule returns when the clean-up runs, as ParseSchedule reads it.
func (s *Service) Schedule(ctx context.Context) (string, error) {
	v, err := s.setting(ctx, settingSchedule)
	if err == nil && v == "" {
		v = strings.TrimSpace(s.cfg.Schedule)
	}
	return v, err
}

// SetSchedule changes it. The error wraps ErrInvalid. When it returns nil it is
// on disk and counts.
func (s *Service) SetSchedule(ctx context.Context, schedule string) error {
	schedule = strings.TrimSpace(schedule)
	if schedule == "" {
		schedule = "-"
	}
	if _, err := ParseSchedule(schedule); err != nil {
		return err
	}
	if err := s.setSetting(ctx, settingSchedule, schedule); err != nil {
		return err
	}
	select {
	case s.reschedule <- struct{}{}:
	default:
	}
	return nil
}

// Cleaned is what a clean-up did.
type Cleaned struct {
	Time    time.Time `json:"time"`
	Removed []Usage   `json:"removed"`
}

// LastClean returns what the last clean-up did; its time is zero before the first.
func (s *Service) LastClean(ctx context.Context) (Cleaned, error) {
	v, err := s.setting(ctx, settingLast)
	if err != nil || v == "" {
		return Cleaned{Removed: []Usage{}}, err
	}
	var c Cleaned
	if err := json.Unmarshal([]byte(v), &c); err != nil {
		return Cleaned{}, fmt.Errorf("history: read the last clean-up: %w", err)
	}
	return c, nil
}

func (s *Service) setting(ctx context.Context, key string) (string, error) {
	var row settingRow
	err := s.deps.DB.Query().NewSelect().Model(&row).Where("? = ?", bun.Ident("key"), key).Scan(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("history: read the settings: %w", err)
	}
	return row.Value, nil
}

func (s *Service) setSetting(ctx context.Context, key, value string) error {
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(&settingRow{Key: key, Value: value}).On("CONFLICT (key) DO UPDATE").
			Set("value = EXCLUDED.value").Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("history: write the settings: %w", err)
	}
	return nil
}
