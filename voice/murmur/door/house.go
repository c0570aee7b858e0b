package door

import (
	"context"

	"muster/voice/murmur"
)

// House is the Mumble server behind the door, in parts. People and Channels are
// needed. Where another part is nil, what reads it finds nothing and what would
// change it is refused.
//
// Methods may be called from several goroutines at a time. They answer with a
// murmur.Exception where the caller is at fault; other errors are logged and not
// shown.
type House struct {
	People   People
	Channels Channels
	Rights   Rights
	Register Register
	Login    Login
	Bans     Bans
	Settings Settings
	Menus    Menus
	Events   Events
}

// People are those who are connected.
type People interface {
	// Users returns them in any order. UserID is -1 for whoever is not registered.
	Users(ctx context.Context) ([]murmur.User, error)
	// SetUser makes mute, deaf, priority speaker, channel, name and comment of the
	// session what they are in u. Unknown sessions are murmur.InvalidSession,
	// channels murmur.InvalidChannel.
	SetUser(ctx context.Context, u murmur.User) error
	Kick(ctx context.Context, session int32, reason string) error
	Message(ctx context.Context, session int32, text string) error
	// Certificates returns what a session showed, DER, the leaf first.
	Certificates(ctx context.Context, session int32) ([][]byte, error)
}

// Channels are where people are.
type Channels interface {
	Channels(ctx context.Context) ([]murmur.Channel, error)
	AddChannel(ctx context.Context, name string, parent int32) (int32, error)
	// SetChannel makes name, parent, links, description and position what they are
	// in c.
	SetChannel(ctx context.Context, c murmur.Channel) error
	RemoveChannel(ctx context.Context, id int32) error
	// Broadcast sends a text to those in a channel; tree: also in those below it.
	Broadcast(ctx context.Context, channel int32, tree bool, text string) error
}

// Rights are who may do what.
type Rights interface {
	Rules(ctx context.Context, channel int32) (murmur.Rules, error)
	SetRules(ctx context.Context, channel int32, r murmur.Rules) error
	// Permissions returns murmur.Permission… of a session in a channel.
	Permissions(ctx context.Context, session, channel int32) (int32, error)
	Join(ctx context.Context, channel, session int32, group string) error
	Leave(ctx context.Context, channel, session int32, group string) error
}

// Register is the list of registered users.
type Register interface {
	// Registered returns the names that contain filter, by number.
	Registered(ctx context.Context, filter string) (map[int32]string, error)
	// Registration returns what is known of a user, or murmur.InvalidUser.
	Registration(ctx context.Context, id int32) (murmur.UserInfo, error)
	AddUser(ctx context.Context, info murmur.UserInfo) (int32, error)
	Update(ctx context.Context, id int32, info murmur.UserInfo) error
	RemoveUser(ctx context.Context, id int32) error
}

// Login is what else is known of registered users.
type Login interface {
	// Verify returns the number of the user whose password that is, -1 if it is
	// not, -2 if there is no such user.
	Verify(ctx context.Context, name, password string) (int32, error)
	Texture(ctx context.Context, id int32) ([]byte, error)
	SetTexture(ctx context.Context, id int32, texture []byte) error
}

// Bans keep people out.
type Bans interface {
	Bans(ctx context.Context) ([]murmur.Ban, error)
	SetBans(ctx context.Context, bans []murmur.Ban) error
}

// Settings are murmur's keys and its log.
type Settings interface {
	// Conf returns what is set, by murmur's keys; keys and passwords are not among it.
	Conf(ctx context.Context) (map[string]string, error)
	SetConf(ctx context.Context, key, value string) error
	// Log returns the lines from first on, before last; 0 is the newest.
	Log(ctx context.Context, first, last int) ([]murmur.LogEntry, error)
	LogLen(ctx context.Context) (int, error)
}

// Menus are entries in the menus of clients, and where whispers go.
type Menus interface {
	// AddAction shows an entry; places are 1 server, 2 channel, 4 user, or-ed. What
	// is chosen comes as an Event.
	AddAction(ctx context.Context, session int32, action, text string, places int32) error
	RemoveAction(ctx context.Context, action string) error
	// Redirect makes whispers of a session to group source go to target; an empty
	// target ends that.
	Redirect(ctx context.Context, session int32, source, target string) error
}

// Events are what happens in the house.
type Events interface {
	// Watch calls tell for each event until stop is called. tell does not block and
	// may be called from anywhere, one call at a time.
	Watch(tell func(Event)) (stop func())
}

// Event is something that happened, named as murmur's callbacks are.
type Event struct {
	Kind    string // one of the constants below
	User    murmur.User
	Message murmur.TextMessage
	Channel murmur.Channel

	Action        string // of a menu
	ActionSession int32  // who it was chosen for; 0: nobody
	ActionChannel int32  // likewise; -1: none
}

// The kinds of events, and what is set in them.
const (
	UserConnected       = "userConnected"       // User
	UserDisconnected    = "userDisconnected"    // User
	UserStateChanged    = "userStateChanged"    // User
	UserTextMessage     = "userTextMessage"     // User, Message
	ChannelCreated      = "channelCreated"      // Channel
	ChannelRemoved      = "channelRemoved"      // Channel
	ChannelStateChanged = "channelStateChanged" // Channel
	ContextAction       = "contextAction"       // User, Action…
	Started             = "started"             // nothing: the Mumble server serves
	Stopped             = "stopped"             // nothing
)
