package history

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"muster/internal/auth"
)

// Message is a chat message as one reader sees it.
type Message struct {
	ID             string    `json:"id"` // the messageId that its sender gave it
	Room           string    `json:"room"`
	RoomName       string    `json:"roomName"`
	Kind           string    `json:"kind"` // RoomAll, …
	SenderUID      string    `json:"senderUid"`
	SenderCallsign string    `json:"senderCallsign"`
	SenderUser     string    `json:"senderUser,omitempty"`
	Text           string    `json:"text"`
	Time           time.Time `json:"time"` // received
	State          string    `json:"state"`
	Mine           bool      `json:"mine"`
	Lat            *float64  `json:"lat,omitempty"`
	Lon            *float64  `json:"lon,omitempty"`
	Hash           string    `json:"hash,omitempty"`     // SHA-256 of a stored file that was sent along
	FileName       string    `json:"fileName,omitempty"` // of it
	PeerUID        string    `json:"-"`                  // the recipient of a direct message
}

// fileLink is the end of a message with which a file goes along: its name and,
// for clients that show nothing but the text, where it is.
var fileLink = regexp.MustCompile(` ?\[([^\[\]]{1,255}) /Marti/sync/content\?hash=([0-9a-f]{64})\]$`)

// WithFile returns the text of a message with which a stored file goes along.
// Readers find it in Hash and FileName of the Message.
func WithFile(text, name, hash string) string {
	name = strings.NewReplacer("[", "(", "]", ")").Replace(name)
	return fmt.Sprintf("%s [%s /Marti/sync/content?hash=%s]", text, name, hash)
}

// cutFile undoes WithFile. Without a file, name and hash are empty.
func cutFile(s string) (text, name, hash string) {
	m := fileLink.FindStringSubmatchIndex(s)
	if m == nil {
		return s, "", ""
	}
	return s[:m[0]], s[m[2]:m[3]], s[m[4]:m[5]]
}

// Room is a room in which id may read something.
type Room struct {
	ID     string   `json:"id"` // "All Chat Rooms", a team colour, "group:<name>", "direct:<uid of the other>", "mission:<name>"
	Name   string   `json:"name"`
	Kind   string   `json:"kind"`
	Last   *Message `json:"last,omitempty"`
	Unread int      `json:"unread"` // messages of others since MarkRead, of the newest 2,000 messages
}

const (
	directPrefix = "direct:"
	maxMessages  = 500  // in one answer
	roomDepth    = 2000 // newest messages that Rooms looks at
)

// message is a row as the caller sees it. A direct message is in the room of the
// other end.
func (v *view) message(r *chatRow) Message {
	m := Message{
		ID: r.MessageID, Room: r.Room, RoomName: r.RoomName, Kind: r.Kind, SenderUID: r.SenderUID, SenderCallsign: r.SenderCallsign,
		SenderUser: r.SenderUser, Time: time.UnixMilli(r.Received).UTC(), State: r.State,
		Mine: r.SenderUser == v.id.User && !v.id.System, PeerUID: r.PeerUID,
	}
	m.Text, m.FileName, m.Hash = cutFile(r.Text)
	if r.Lat != 0 || r.Lon != 0 {
		m.Lat, m.Lon = &r.Lat, &r.Lon
	}
	if r.Kind == RoomDirect {
		m.Room = directPrefix + r.PeerUID
		if !m.Mine {
			m.Room, m.RoomName = directPrefix+r.SenderUID, r.SenderCallsign
		}
	}
	return m
}

// chat selects messages of a room, or of all rooms when room is empty.
func (v *view) chat(rows *[]*chatRow, room string, upTo int64) *bun.SelectQuery {
	q := v.s.deps.DB.Query().NewSelect().Model(rows).Where("received < ?", upTo).OrderExpr("id DESC")
	me := v.id.User
	if v.id.System {
		me = "" // clients without a login are nobody's end
	}
	toMe := "(peer_user <> '' AND peer_user = ?)"
	args := []any{me}
	if len(v.uids) > 0 {
		toMe = "(peer_user <> '' AND peer_user = ? OR peer_user = '' AND peer_uid IN (?))"
		args = append(args, bun.List(v.uids))
	}
	if other, direct := strings.CutPrefix(room, directPrefix); direct {
		return q.Where("kind = ?", RoomDirect).
			Where("(sender_user = ? AND peer_uid = ? OR sender_uid = ? AND "+toMe+")", append([]any{me, other, other}, args...)...)
	}
	if room != "" {
		return q.Where("room = ?", room).Where("kind <> ?", RoomDirect)
	}
	return q.Where("(kind <> ? OR sender_user = ? OR "+toMe+")", append([]any{RoomDirect, me}, args...)...)
}

// Chat returns up to limit messages of a room received before a time (zero: the
// newest), oldest first, and whether there are older ones.
func (s *Service) Chat(ctx context.Context, id auth.Identity, room string, before time.Time, limit int) ([]Message, bool, error) {
	v, err := s.view(ctx, id)
	if err != nil {
		return nil, false, err
	}
	if err := v.own(ctx); err != nil {
		return nil, false, err
	}
	if room == "" {
		return nil, false, fmt.Errorf("history: %w room: it has no name", ErrInvalid)
	}
	limit = min(max(limit, 1), maxMessages)
	_, upTo := span(time.Time{}, before)
	out, err := pages(ctx, limit+1, func(offset int64) ([]*chatRow, error) {
		var rows []*chatRow
		err := v.chat(&rows, room, upTo).Offset(offset).Limit(pageSize).Scan(ctx)
		return rows, err
	}, func(r *chatRow) bool { return v.may(ctx, r.addressed()) }, v.message)
	if err != nil {
		return nil, false, err
	}
	more := len(out) > limit
	out = out[:min(len(out), limit)]
	slices.Reverse(out)
	return out, more, nil
}

// Rooms returns the rooms that hold something id may read, the one with the
// newest message first. Rooms without a message are not known here.
func (s *Service) Rooms(ctx context.Context, id auth.Identity) ([]Room, error) {
	v, err := s.view(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := v.own(ctx); err != nil {
		return nil, err
	}
	var rows []*chatRow
	if err := v.chat(&rows, "", forever).ExcludeColumn("xml").Limit(roomDepth).Scan(ctx); err != nil {
		return nil, fmt.Errorf("history: read the chat: %w", err)
	}
	read, err := s.readMarks(ctx, id)
	if err != nil {
		return nil, err
	}
	out := []Room{}
	at, named := make(map[string]int), make(map[string]bool)
	for _, r := range rows {
		if !v.may(ctx, r.addressed()) {
			continue
		}
		m := v.message(r)
		i, ok := at[m.Room]
		if !ok {
			i = len(out)
			at[m.Room] = i
			out = append(out, Room{ID: m.Room, Name: m.RoomName, Kind: m.Kind, Last: &m})
		}
		if m.Kind == RoomDirect && !m.Mine && m.SenderCallsign != "" && !named[m.Room] {
			named[m.Room], out[i].Name = true, m.SenderCallsign // what the other end calls itself
		}
		if !m.Mine && r.Received > read[m.Room] {
			out[i].Unread++
		}
	}
	return out, nil
}

func (s *Service) readMarks(ctx context.Context, id auth.Identity) (map[string]int64, error) {
	var rows []readRow
	if err := s.deps.DB.Query().NewSelect().Model(&rows).Where("user_name = ?", id.User).Scan(ctx); err != nil {
		return nil, fmt.Errorf("history: read what has been read: %w", err)
	}
	out := make(map[string]int64, len(rows))
	for _, r := range rows {
		out[r.Room] = r.Time
	}
	return out, nil
}

// MarkRead notes that id has read a room up to a time (zero: now).
func (s *Service) MarkRead(ctx context.Context, id auth.Identity, room string, upTo time.Time) error {
	if room == "" || len(room) > 300 || id.User == "" || id.System {
		return fmt.Errorf("history: %w room", ErrInvalid)
	}
	if upTo.IsZero() {
		upTo = time.Now()
	}
	row := &readRow{User: id.User, Room: room, Time: upTo.UnixMilli()}
	err := s.deps.DB.Tx(ctx, func(ctx context.Context, tx bun.Tx) error {
		_, err := tx.NewInsert().Model(row).On("CONFLICT (user_name, room) DO UPDATE").Set("time = EXCLUDED.time").Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("history: write what has been read: %w", err)
	}
	return nil
}

// Unacknowledged returns the messages of others in a direct room that id has not
// confirmed as read, oldest first: those a read receipt is due for.
func (s *Service) Unacknowledged(ctx context.Context, id auth.Identity, room string) ([]Message, error) {
	if !strings.HasPrefix(room, directPrefix) {
		return nil, nil
	}
	all, _, err := s.Chat(ctx, id, room, time.Time{}, maxMessages)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(m Message) bool { return m.Mine || m.State == StateRead }), nil
}

func quoted(s string) string { return strconv.Quote(s[:min(len(s), 100)]) }
