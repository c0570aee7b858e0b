package missions

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"muster/cot/marti/reply"
	"muster/cot/mission"
)

// route is what comes behind the name of a mission; * stands for any one part.
type route struct {
	method, path string
	h            handler
}

// routes lists them. An empty path is the mission itself.
var routes = []route{
	{"GET", "", (*API).get},
	{"PUT", "", (*API).put},
	{"POST", "", (*API).put},
	{"DELETE", "", (*API).remove},
	{"GET", "archive", (*API).archive},
	{"PUT", "copy", (*API).copy},
	{"POST", "send", (*API).send},
	{"PUT", "contents", (*API).addContents},
	{"DELETE", "contents", (*API).removeContents},
	{"PUT", "contents/missionpackage", (*API).addPackage},
	{"GET", "changes", (*API).changes},
	{"PUT", "keywords", (*API).setKeywords},
	{"DELETE", "keywords", (*API).clearKeywords},
	{"DELETE", "keywords/*", (*API).removeKeyword},
	{"PUT", "uid/*/keywords", (*API).setItemKeywords},
	{"DELETE", "uid/*/keywords", (*API).clearItemKeywords},
	{"PUT", "content/*/keywords", (*API).setContentKeywords},
	{"DELETE", "content/*/keywords", (*API).clearContentKeywords},
	{"GET", "cot", (*API).cot},
	{"GET", "kml", (*API).kml},
	{"GET", "contacts", (*API).contacts},
	{"GET", "token", (*API).token},
	{"GET", "subscription", (*API).subscription},
	{"PUT", "subscription", (*API).subscribe},
	{"POST", "subscription", (*API).setRoles},
	{"DELETE", "subscription", (*API).unsubscribe},
	{"GET", "subscriptions", (*API).subscriptions},
	{"GET", "subscriptions/roles", (*API).roles},
	{"GET", "role", (*API).role},
	{"PUT", "role", (*API).setRole},
	{"GET", "invitations", (*API).invitationsOf},
	{"PUT", "invite/*/*", (*API).invite},
	{"DELETE", "invite/*/*", (*API).uninvite},
	{"POST", "invite", (*API).inviteMany},
	{"GET", "log", (*API).logs},
	{"GET", "children", (*API).children},
	{"GET", "parent", (*API).parent},
	{"DELETE", "parent", (*API).clearParent},
	{"PUT", "parent/*", (*API).setParent},
	{"PUT", "parent/guid/*", (*API).setParentGUID},
	{"POST", "externaldata", (*API).addExternal},
	{"DELETE", "externaldata/*", (*API).removeExternal},
	{"POST", "externaldata/*/change", (*API).changeExternal},
	{"PUT", "password", (*API).setPassword},
	{"DELETE", "password", (*API).clearPassword},
	{"PUT", "expiration", (*API).setExpiration},
	{"POST", "feed", (*API).addFeed},
	{"DELETE", "feed/*", (*API).removeFeed},
	{"POST", "maplayers", (*API).putMapLayer},
	{"PUT", "maplayers", (*API).putMapLayer},
	{"DELETE", "maplayers/*", (*API).removeMapLayer},
	{"GET", "layers", (*API).layers},
	{"PUT", "layers", (*API).addLayer},
	{"DELETE", "layers", (*API).removeLayers},
	{"PUT", "layers/parent", (*API).setLayerParent},
	{"GET", "layers/*", (*API).layer},
	{"PUT", "layers/*/name", (*API).renameLayer},
	{"PUT", "layers/*/position", (*API).moveLayer},
}

// fixed lists the paths that are no mission's.
var fixed = []route{
	{"GET", "all/subscriptions", (*API).allSubscriptions},
	{"GET", "all/subscriptions/guid", (*API).allSubscriptionsGUID},
	{"GET", "all/invitations", (*API).allInvitations},
	{"GET", "all/logs", (*API).allLogs},
	{"GET", "invitations", (*API).invitations},
	{"POST", "logs/entries", (*API).addLog},
	{"PUT", "logs/entries", (*API).updateLog},
	{"GET", "logs/entries/*", (*API).log1},
	{"DELETE", "logs/entries/*", (*API).removeLog},
}

// below answers everything below /Marti/api/missions/.
func (a *API) below(w http.ResponseWriter, r *http.Request) {
	parts, ok := split(r.URL)
	if !ok {
		reply.Error(w, http.StatusBadRequest, "The address cannot be read.")
		return
	}
	if len(parts) == 0 {
		a.root(w, r)
		return
	}
	req, ok := a.newRequest(w, r)
	if !ok {
		return
	}
	if h, args, known := match(fixed, r.Method, parts); known {
		a.run(req, h, args, fixed, parts)
		return
	}
	rest := parts[1:]
	if parts[0] == "guid" && len(parts) > 1 {
		req.ref, rest = mission.Ref{GUID: parts[1]}, parts[2:]
	} else {
		req.ref = mission.Ref{Name: parts[0]}
	}
	h, args, known := match(routes, r.Method, rest)
	if !known {
		reply.Error(w, http.StatusNotFound, "There is nothing at this address.")
		return
	}
	a.run(req, h, args, routes, rest)
}

// run serves a request, or says which methods there are.
func (a *API) run(req *request, h handler, args []string, table []route, parts []string) {
	if h == nil {
		req.w.Header().Set("Allow", strings.Join(methods(table, parts), ", "))
		reply.Error(req.w, http.StatusMethodNotAllowed, "This address does not take the method "+req.r.Method+".")
		return
	}
	req.args = args
	a.serve(req, h)
}

// split returns the parts of the path behind the base, unescaped. A slash at the
// end does not count; an escaped one stays in its part.
func split(u *url.URL) ([]string, bool) {
	rest := strings.Trim(strings.TrimPrefix(u.EscapedPath(), base), "/")
	if rest == "" {
		return nil, true
	}
	parts := strings.Split(rest, "/")
	for i, p := range parts {
		v, err := url.PathUnescape(p)
		if err != nil || v == "" || strings.ContainsRune(v, 0) {
			return nil, false
		}
		parts[i] = v
	}
	return parts, true
}

// match finds the handler for a path. known says that there is one for it with
// any method.
func match(table []route, method string, parts []string) (h handler, args []string, known bool) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	for _, rt := range table {
		got, ok := fits(rt.path, parts)
		if !ok {
			continue
		}
		known = true
		if rt.method == method {
			return rt.h, got, true
		}
	}
	return nil, nil, known
}

func fits(path string, parts []string) ([]string, bool) {
	var want []string
	if path != "" {
		want = strings.Split(path, "/")
	}
	if len(want) != len(parts) {
		return nil, false
	}
	var args []string
	for i, w := range want {
		switch {
		case w == "*":
			args = append(args, parts[i])
		case w != parts[i]:
			return nil, false
		}
	}
	return args, true
}

func methods(table []route, parts []string) []string {
	var out []string
	for _, rt := range table {
		if _, ok := fits(rt.path, parts); ok && !slices.Contains(out, rt.method) {
			out = append(out, rt.method)
		}
	}
	return out
}
