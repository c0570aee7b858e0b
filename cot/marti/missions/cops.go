package missions

import (
	"net/http"
	"strings"

	"muster/cot/mission"
)

// copTool marks the missions of a common operational picture.
const copTool = "vbm"

// pictures returns the missions with the COP tool that the caller sees, of those
// with a path only that path's if it is given.
func (a *API) pictures(r *request) ([]mission.Mission, error) {
	all, err := a.s.List(r.ctx(), r.c, mission.Filter{Protected: true, DefaultRole: true, Tool: copTool})
	if err != nil || r.text("path") == "" {
		return all, err
	}
	out := []mission.Mission{}
	for _, m := range all {
		if m.Path == r.text("path") {
			out = append(out, m)
		}
	}
	return out, nil
}

func (a *API) cops(w http.ResponseWriter, r *http.Request) {
	a.plain(w, r, func(a *API, r *request) error {
		all, err := a.pictures(r)
		if err != nil {
			return err
		}
		offset, err1 := r.number("offset", 0)
		size, err2 := r.number("size", int64(len(all)))
		if err1 != nil || err2 != nil {
			return errAnswered
		}
		offset = min(max(offset, 0), int64(len(all)))
		size = min(max(size, 0), int64(len(all))-offset)
		a.node.Envelope(r.w, typeMission, all[offset:offset+size])
		return nil
	})
}

// folder is a node of the tree that the paths of COP missions make.
type folder struct {
	Name     string    `json:"name"`
	Children []*folder `json:"children"`
}

func (a *API) hierarchy(w http.ResponseWriter, r *http.Request) {
	a.plain(w, r, func(a *API, r *request) error {
		all, err := a.pictures(r)
		if err != nil {
			return err
		}
		root := &folder{Children: []*folder{}}
		for _, m := range all {
			at := root
			for part := range strings.SplitSeq(strings.Trim(m.Path, "/"), "/") {
				if part != "" {
					at = at.child(part)
				}
			}
		}
		a.node.Envelope(r.w, "CopHierarchyNode", root.Children)
		return nil
	})
}

func (f *folder) child(name string) *folder {
	for _, c := range f.Children {
		if c.Name == name {
			return c
		}
	}
	c := &folder{Name: name, Children: []*folder{}}
	f.Children = append(f.Children, c)
	return c
}
