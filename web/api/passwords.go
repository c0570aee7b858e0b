package api

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"muster/internal/auth"
	"muster/internal/limit"
	"muster/internal/mail"
	"muster/web/login"
)

// Mail sends messages.
type Mail interface {
	On() bool
	URL() string
	Send(m mail.Message) error
	SendLater(write func(ctx context.Context) ([]mail.Message, error)) error
	Deliver(ctx context.Context, m mail.Message) error
}

// Resets lets people choose a new password without the old one.
type Resets interface {
	ForgotPassword(ctx context.Context, who string) ([]auth.Reset, error)
	InvitePassword(ctx context.Context, name string) (auth.Reset, error)
	CheckReset(ctx context.Context, token string) (user string, err error)
	ResetPassword(ctx context.Context, token, password string) (auth.User, error)
}

// resetPage is the page that links lead to. The token is behind a #, so that it
// comes into no log and no Referer.
const resetPage = "/reset#"

// askLimits bound how often links are asked for, and tokens tried: each counts
// like a login that failed.
func askLimits() limit.FailuresConfig {
	c := limit.DefaultFailures()
	c.Window, c.PerPair, c.PerAddress, c.PerNetwork, c.MaxEntries = 15*time.Minute, 3, 20, 200, 10_000
	return c
}

type forgottenIn struct {
	Body struct {
		Who string `json:"who" maxLength:"254" doc:"Login name or mail address."`
	}
}

type resetTokenIn struct {
	Body struct {
		Token string `json:"token" maxLength:"64" doc:"What follows # in the link."`
	}
}

type resetUserOut struct {
	Body struct {
		User string `json:"user"`
	}
}

type resetIn struct {
	Body struct {
		Token    string `json:"token" maxLength:"64" doc:"What follows # in the link."`
		Password string `json:"password" maxLength:"256"`
	}
}

type emailOut struct {
	Body struct {
		Email string `json:"email" doc:"Empty: none is known."`
		Mail  bool   `json:"mail" doc:"Whether the server sends mail at all."`
	}
}

type ownEmailIn struct {
	Body struct {
		Current string `json:"current" maxLength:"1024" doc:"Your password."`
		Email   string `json:"email" maxLength:"254" doc:"Empty: none."`
	}
}

type testMailIn struct {
	Body struct {
		To string `json:"to" maxLength:"254"`
	}
}

func (a *API) passwords() {
	forgot := op("forgotPassword", http.MethodPost, "/login/forgotten", "Ask for a link to choose a new password")
	forgot.Description = "The answer is the same whether there is such an account or not."
	forgot.DefaultStatus, forgot.MaxBodyBytes = http.StatusAccepted, 4<<10
	register(a, public, forgot, a.forgotPassword)
	check := op("checkReset", http.MethodPost, "/login/reset/check", "Whose password a link lets choose")
	check.MaxBodyBytes = 4 << 10
	register(a, public, check, a.checkReset)
	reset := op("resetPassword", http.MethodPut, "/login/reset", "Choose a new password with a link; what was open with the old one ends")
	reset.MaxBodyBytes = 4 << 10
	register(a, public, reset, a.resetPassword)
	register(a, admin, op("invitePassword", http.MethodPost, "/users/{name}/reset", "Send a user a link to choose a password"), a.invitePassword)
	register(a, user, op("getOwnEmail", http.MethodGet, "/me/email", "Your mail address"), a.ownEmail)
	register(a, user, op("setOwnEmail", http.MethodPut, "/me/email", "Change your mail address"), a.setOwnEmail)
	register(a, admin, op("testMail", http.MethodPost, "/mail/test", "Send a test message and say how it went"), a.testMail)
}

// mails reports whether mail is sent.
func (a *API) mails() bool { return a.Mail != nil && a.Mail.On() }

var errNoMail = refuse(http.StatusConflict, "This server sends no mail: set the section mail of its configuration.")

// mailError makes sentences of the refusals of the sender.
func (a *API) mailError(err error) error {
	switch {
	case errors.Is(err, mail.ErrOff):
		return errNoMail
	case errors.Is(err, mail.ErrFull):
		return refuse(http.StatusServiceUnavailable, "Too much mail waits to be sent. Try again in a few minutes.")
	}
	return err
}

// mailable returns the mail address of a user, or a sentence why there is none.
func (a *API) mailable(ctx context.Context, name string) (string, error) {
	if !a.mails() {
		return "", errNoMail
	}
	u, err := a.Users.User(ctx, name)
	if err != nil {
		return "", err
	}
	if u.Email == "" {
		return "", refuse(http.StatusUnprocessableEntity, "There is no mail address of "+u.Name+".")
	}
	return u.Email, nil
}

// askAgain charges one attempt of somebody who is not logged in.
func (a *API) askAgain(ctx context.Context, account string) error {
	try, err := a.asked.Begin(account, login.PeerFrom(ctx).Addr.Addr())
	var over *limit.ExceededError
	if errors.As(err, &over) {
		return &auth.LimitedError{RetryAfter: over.RetryAfter}
	}
	if err != nil {
		return err
	}
	try.Failed()
	return nil
}

// ready refuses what comes in the clear, or from a page of another site.
func (a *API) ready(ctx context.Context) error {
	switch {
	case a.Identity == nil:
		return errStopped
	case !login.PeerFrom(ctx).Secure:
		return refuse(http.StatusForbidden, "Passwords are taken over TLS only. Use https.")
	case login.CrossSite(requestOf(ctx)):
		return refuse(http.StatusForbidden, "This request comes from a page of another site. Open the page of this server and try again.")
	}
	return nil
}

// forgotPassword leaves everything that depends on the account to the sender, so
// that neither the answer nor its time tells whether there is one.
func (a *API) forgotPassword(ctx context.Context, _ auth.Identity, in *forgottenIn) (*none, error) {
	if err := a.ready(ctx); err != nil {
		return nil, err
	}
	if !a.mails() {
		return nil, errNoMail
	}
	who := strings.TrimSpace(in.Body.Who)
	if who == "" {
		return nil, refuse(http.StatusUnprocessableEntity, "Give your name or your mail address.")
	}
	if err := a.askAgain(ctx, strings.ToLower(who[:min(len(who), 64)])); err != nil {
		return nil, err
	}
	remote := login.PeerFrom(ctx).Addr
	return nil, a.mailError(a.Mail.SendLater(func(ctx context.Context) (all []mail.Message, err error) {
		resets, err := a.Identity.ForgotPassword(ctx, who)
		for _, r := range resets {
			a.Log.Info("a link to choose a password is sent", "user", r.User, "remote", remote)
			all = append(all, resetMail(a.Name, a.page()+resetPage+r.Token, r))
		}
		return all, err
	}))
}

func (a *API) checkReset(ctx context.Context, _ auth.Identity, in *resetTokenIn) (*resetUserOut, error) {
	if err := a.ready(ctx); err != nil {
		return nil, err
	}
	user, err := a.Identity.CheckReset(ctx, in.Body.Token)
	if err != nil {
		return nil, a.resetError(ctx, err)
	}
	out := &resetUserOut{}
	out.Body.User = user
	return out, nil
}

func (a *API) resetPassword(ctx context.Context, _ auth.Identity, in *resetIn) (*none, error) {
	if err := a.ready(ctx); err != nil {
		return nil, err
	}
	u, err := a.Identity.ResetPassword(ctx, in.Body.Token, in.Body.Password)
	if err != nil {
		return nil, a.resetError(ctx, err)
	}
	a.Log.Info("a password was chosen by a link", "user", u.Name, "remote", login.PeerFrom(ctx).Addr)
	if u.Email != "" && a.mails() {
		if err := a.Mail.Send(changedMail(a.Name, u)); err != nil {
			a.Log.Warn("nobody is told that a password was changed", "user", u.Name, "error", err)
		}
	}
	return nil, nil
}

// resetError charges whoever tries tokens.
func (a *API) resetError(ctx context.Context, err error) error {
	if !errors.Is(err, auth.ErrResetOver) {
		return err
	}
	if err := a.askAgain(ctx, "?"); err != nil {
		return err
	}
	return refuse(http.StatusGone, "This link is not valid any more. Ask for a new one.")
}

func (a *API) invitePassword(ctx context.Context, id auth.Identity, in *UserParam) (*none, error) {
	if a.Identity == nil {
		return nil, errStopped
	}
	if !a.mails() {
		return nil, errNoMail
	}
	r, err := a.Identity.InvitePassword(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	a.Log.Info("a link to choose a password is sent", "user", r.User, "by", id.User)
	return nil, a.mailError(a.Mail.Send(inviteMail(a.Name, a.page()+resetPage+r.Token, r)))
}

func (a *API) ownEmail(ctx context.Context, id auth.Identity, _ *none) (*emailOut, error) {
	u, err := a.Users.User(ctx, id.User)
	if err != nil {
		return nil, err
	}
	out := &emailOut{}
	out.Body.Email, out.Body.Mail = u.Email, a.mails()
	return out, nil
}

// setOwnEmail asks for the password: whoever gets the mail can choose a new one.
func (a *API) setOwnEmail(ctx context.Context, id auth.Identity, in *ownEmailIn) (*none, error) {
	if err := a.proveAgain(ctx, id, in.Body.Current); err != nil {
		return nil, err
	}
	return nil, a.Profiles.SetEmail(ctx, id.User, strings.TrimSpace(in.Body.Email))
}

func (a *API) testMail(ctx context.Context, _ auth.Identity, in *testMailIn) (*none, error) {
	if !a.mails() {
		return nil, errNoMail
	}
	if err := a.Mail.Deliver(ctx, testMail(a.Name, in.Body.To)); err != nil {
		return nil, refuse(http.StatusBadGateway, sentenced(strings.TrimPrefix(err.Error(), "mail: ")))
	}
	return nil, nil
}

// page is the address of the console in links. It is never taken from a request:
// whoever asks for a link must not say where it leads.
func (a *API) page() string {
	if u := a.Mail.URL(); u != "" {
		return strings.TrimRight(u, "/")
	}
	host := "localhost"
	if a.HostNames != nil {
		if names := a.HostNames(); len(names) > 0 {
			host = names[0]
		}
	}
	if a.Doors != nil {
		if _, port, err := net.SplitHostPort(a.Doors.Addr("https")); err == nil && port != "443" {
			host = net.JoinHostPort(strings.Trim(host, "[]"), port)
		}
	}
	return (&url.URL{Scheme: "https", Host: host}).String()
}

func until(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 MST") }

func resetMail(server, link string, r auth.Reset) mail.Message {
	return mail.Message{To: r.Email, Subject: "Choose a new password", Text: fmt.Sprintf(`Somebody, hopefully you, asked for a new password for the account %s on %s.

Choose it here:

%s

The link is valid once, until %s.

If it was not you, there is nothing to do: your password stays as it is.
`, r.User, server, link, until(r.Expires))}
}

func inviteMail(server, link string, r auth.Reset) mail.Message {
	return mail.Message{To: r.Email, Subject: "Your account on " + server, Text: fmt.Sprintf(`An administrator lets you choose the password of your account %s on %s.

Choose it here:

%s

The link is valid once, until %s.
`, r.User, server, link, until(r.Expires))}
}

func changedMail(server string, u auth.User) mail.Message {
	return mail.Message{To: u.Email, Subject: "Your password was changed", Text: fmt.Sprintf(`The password of your account %s on %s was just changed by a link that was sent to this address.

If it was not you, tell an administrator at once.
`, u.Name, server)}
}

func enrolmentMail(server, to string, e auth.Enrolment, link string) mail.Message {
	return mail.Message{To: to, Subject: "Set up your device", Text: fmt.Sprintf(`Open this page on the phone or tablet that is to be connected to %s as %s:

%s

It holds what ATAK, WinTAK and iTAK need. The link is valid for one device, until %s.
`, server, e.User, link, until(e.Expires))}
}

func testMail(server, to string) mail.Message {
	return mail.Message{To: to, Subject: "A test of " + server, Text: "Mail from " + server + " arrives.\n"}
}
