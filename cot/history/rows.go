package history

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/uptrace/bun"

	"muster/cot/wire"
)

// The rows of our tables. Times are milliseconds since 1970; speed and course
// are -1 where they are not known, because NaN is not the same in all databases.
type (
	audienceRow struct {
		bun.BaseModel `bun:"table:history_audiences"`

		ID     int64  `bun:"id,pk"`
		Groups string `bun:"group_names"` // JSON, sorted
	}

	deviceRow struct {
		bun.BaseModel `bun:"table:history_devices"`

		UID      string `bun:"uid,pk"`
		User     string `bun:"user_name"`
		Callsign string `bun:"callsign"`
	}

	positionRow struct {
		bun.BaseModel `bun:"table:history_positions,alias:p"`

		ID       int64   `bun:"id,pk"`
		UID      string  `bun:"uid"`
		Audience int64   `bun:"audience"`
		Type     string  `bun:"type"`
		How      string  `bun:"how"`
		Callsign string  `bun:"callsign"`
		Team     string  `bun:"team"`
		Role     string  `bun:"team_role"`
		User     string  `bun:"user_name"`
		Time     int64   `bun:"time"`
		Start    int64   `bun:"start"`
		Stale    int64   `bun:"stale"`
		Received int64   `bun:"received"`
		First    int64   `bun:"first"`
		Until    int64   `bun:"until"`
		Ended    int64   `bun:"ended"`
		Lat      float64 `bun:"lat"`
		Lon      float64 `bun:"lon"`
		HAE      float64 `bun:"hae"`
		CE       float64 `bun:"ce"`
		LE       float64 `bun:"le"`
		Speed    float64 `bun:"speed"`
		Course   float64 `bun:"course"`
		XML      string  `bun:"xml"`
	}

	trackRow struct {
		bun.BaseModel `bun:"table:history_tracks,alias:t"`

		Item     int64   `bun:"item,pk"`
		Received int64   `bun:"received,pk"`
		Stale    int64   `bun:"stale"`
		Lat      float64 `bun:"lat"`
		Lon      float64 `bun:"lon"`
		HAE      float64 `bun:"hae"`
		Speed    float64 `bun:"speed"`
		Course   float64 `bun:"course"`
	}

	eventRow struct {
		bun.BaseModel `bun:"table:history_events,alias:e"`

		ID         int64   `bun:"id,pk"`
		Kind       string  `bun:"kind"`
		UID        string  `bun:"uid"`
		Audience   int64   `bun:"audience"`
		Type       string  `bun:"type"`
		How        string  `bun:"how"`
		Callsign   string  `bun:"callsign"`
		Time       int64   `bun:"time"`
		Start      int64   `bun:"start"`
		Stale      int64   `bun:"stale"`
		Received   int64   `bun:"received"`
		ValidTo    int64   `bun:"valid_to"`
		SenderUser string  `bun:"sender_user"`
		SenderUID  string  `bun:"sender_uid"`
		Private    bool    `bun:"private"`
		Readers    string  `bun:"readers"` // JSON: users it was addressed to
		Mission    string  `bun:"mission"` // name or guid it was addressed to
		Dests      string  `bun:"dests"`   // JSON
		Lat        float64 `bun:"lat"`
		Lon        float64 `bun:"lon"`
		HAE        float64 `bun:"hae"`
		CE         float64 `bun:"ce"`
		LE         float64 `bun:"le"`
		Size       int64   `bun:"size"` // of xml as it is stored
		XML        string  `bun:"xml"`
	}

	chatRow struct {
		bun.BaseModel `bun:"table:history_chat,alias:c"`

		ID             int64   `bun:"id,pk"`
		MessageID      string  `bun:"message_id"`
		UID            string  `bun:"uid"`
		Kind           string  `bun:"kind"`
		Room           string  `bun:"room"`
		RoomName       string  `bun:"room_name"`
		Audience       int64   `bun:"audience"`
		Private        bool    `bun:"private"`
		Readers        string  `bun:"readers"`
		Mission        string  `bun:"mission"`
		SenderUID      string  `bun:"sender_uid"`
		SenderCallsign string  `bun:"sender_callsign"`
		SenderUser     string  `bun:"sender_user"`
		PeerUID        string  `bun:"peer_uid"`
		PeerUser       string  `bun:"peer_user"`
		Text           string  `bun:"body"`
		State          string  `bun:"state"`
		Time           int64   `bun:"time"`
		Received       int64   `bun:"received"`
		Lat            float64 `bun:"lat"`
		Lon            float64 `bun:"lon"`
		Size           int64   `bun:"size"`
		XML            string  `bun:"xml"`
	}

	readRow struct {
		bun.BaseModel `bun:"table:history_read"`

		User string `bun:"user_name,pk"`
		Room string `bun:"room,pk"`
		Time int64  `bun:"time"`
	}

	ruleRow struct {
		bun.BaseModel `bun:"table:history_rules"`

		Kind      string  `bun:"kind,pk"`
		Days      float64 `bun:"days"`
		Megabytes int64   `bun:"megabytes"`
		Count     int64   `bun:"max_count"`
	}

	settingRow struct {
		bun.BaseModel `bun:"table:history_settings"`

		Key   string `bun:"key,pk"`
		Value string `bun:"value"`
	}
)

// forever is the end of validity of what is archived.
const forever = math.MaxInt64

// known returns v, or -1 where a client has said nothing.
func known(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
		return -1
	}
	return v
}

// nan is the opposite of known.
func nan(v float64) float64 {
	if v < 0 {
		return math.NaN()
	}
	return v
}

// pointOf keeps numbers that databases take.
func pointOf(p wire.Point) wire.Point {
	for _, v := range []*float64{&p.HAE, &p.CE, &p.LE} {
		if math.IsNaN(*v) || math.IsInf(*v, 0) {
			*v = wire.Unknown
		}
	}
	for _, v := range []*float64{&p.Lat, &p.Lon} {
		if math.IsNaN(*v) || math.IsInf(*v, 0) {
			*v = 0
		}
	}
	return p
}

const (
	packFrom   = 1 << 10 // shorter XML gains nothing once it is base64
	packedMark = "z:"    // XML begins with '<'
	maxPacked  = 64 << 20
)

// packXML returns XML as it is stored: as it is, or as base64 of deflate where
// that is shorter.
func packXML(b []byte) string {
	b = bytes.TrimRight(b, "\r\n")
	if len(b) < packFrom {
		return string(b)
	}
	var out bytes.Buffer
	out.WriteString(packedMark)
	enc := base64.NewEncoder(base64.StdEncoding, &out)
	z, err := flate.NewWriter(enc, flate.BestSpeed)
	if err != nil {
		return string(b) // the level is valid
	}
	// Nothing fails on a buffer.
	_, _ = z.Write(b)
	_ = z.Close()
	_ = enc.Close()
	if out.Len() >= len(b) {
		return string(b)
	}
	return out.String()
}

func unpackXML(s string) ([]byte, error) {
	packed, ok := strings.CutPrefix(s, packedMark)
	if !ok {
		return []byte(s), nil
	}
	z := flate.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(packed)))
	b, err := io.ReadAll(io.LimitReader(z, maxPacked))
	if err != nil {
		return nil, fmt.Errorf("history: a stored event cannot be read: %w", err)
	}
	return b, nil
}

// jsonOf marshals strings and recipients, which always works.
func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "[]"
	}
	return string(b)
}

func stringsOf(s string) []string {
	var out []string
	if json.Unmarshal([]byte(s), &out) != nil {
		return nil // written by jsonOf; what cannot be read names nobody
	}
	return out
}
