package web

import (
	"net/http"
	"slices"
)

func (s *Server) rules(http.ResponseWriter, *http.Request) (any, error) {
	list, warnings := s.cfg.House.Rules()
	list = orEmpty(slices.Clone(list))
	for i := range list {
		if t := s.cfg.Inventory.Rule(list[i].ID); t.Count > 0 {
			last := t.Last
			list[i].Hits, list[i].LastHit = t.Count, &last
		}
	}
	return map[string]any{"rules": list, "warnings": orEmpty(warnings)}, nil
}

func (s *Server) explain(w http.ResponseWriter, r *http.Request) (any, error) {
	var q Question
	if err := decode(w, r, &q); err != nil {
		return nil, err
	}
	if q.URL == "" {
		return nil, badRequest("there is no url").hint("write the whole URL, as in https://metrics.plex.tv/collect/event")
	}
	if q.Body != "" && len(q.BodyBase64) > 0 {
		return nil, badRequest("body and body_base64 stand together").hint("give one of them")
	}
	if q.Method == "" {
		q.Method = "GET"
		if q.Body != "" || len(q.BodyBase64) > 0 {
			q.Method = "POST"
		}
	}
	x, err := s.cfg.House.Explain(q)
	if err != nil {
		return nil, err
	}
	x.Tried, x.Edits, x.Drift, x.Leaves = orEmpty(x.Tried), orEmpty(x.Edits), orEmpty(x.Drift), orEmpty(x.Leaves)
	for i := range x.Edits {
		e := &x.Edits[i]
		sighting := sightingOf(e.record())
		e.Effect = sighting.Effect()
	}
	for i := range x.Leaves {
		x.Leaves[i].Request.Header = orEmpty(x.Leaves[i].Request.Header)
	}
	return x, nil
}
