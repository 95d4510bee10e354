package pack_test

import (
	"testing"

	"github.com/scrimproxy/scrim/rules"
)

// TestGates holds the packs to the hosts that may be opened, and to those that never may.
func TestGates(t *testing.T) {
	set := compileAll(t, "")
	for host, want := range map[string]rules.Answer{
		"scribe.logs.roku.com": rules.Block, "ads.roku.com": rules.Block, "samsungacr.com": rules.Block, "log-config.samsungacr.com": rules.Block,
		"ad.lgappstv.com": rules.Block, "eu.lgtvsdx.com": rules.Block,
		"cloudservices.roku.com": rules.Tunnel, "captive.roku.com": rules.Tunnel, "content-delivery.roku.com": rules.Tunnel,
		"samsungcloudsolution.com": rules.Tunnel, "x.samsungcloudsolution.com": rules.Tunnel, "lgappstv.com": rules.Tunnel,
		"plex.tv": rules.Tunnel, "pubsub.plex.tv": rules.Tunnel, "x.plex.direct": rules.Tunnel, "metadata.provider.plex.tv": rules.Tunnel,
		"skyhook.sonarr.tv": rules.Tunnel, "api.themoviedb.org": rules.Tunnel, "upgrades.syncthing.net": rules.Tunnel,
		"services.sonarr.tv": rules.Intercept, "sentry.sonarr.tv": rules.Intercept, "www.mb3admin.com": rules.Intercept,
		"mirrors.kodi.tv": rules.Intercept, "insights.navidrome.org": rules.Intercept, "data.syncthing.net": rules.Intercept,
		"api.segment.io": rules.Tunnel, // a template is not on until it is used
	} {
		if got := set.Gate(rules.Client{}, host); got.Answer != want {
			t.Errorf("%s: got %s, want %s", host, got.Answer, want)
		}
	}
}

// TestRefusalsCanBePassed turns a switch and sees the television through.
func TestRefusalsCanBePassed(t *testing.T) {
	set := compileAll(t, "").With(rules.Choices{Switch: map[string]map[string]rules.Verdict{"roku": {"ads": rules.Pass}, "lg-tv": {"ads": rules.Generalize}}})
	for host, want := range map[string]rules.Answer{"ads.roku.com": rules.Tunnel, "scribe.logs.roku.com": rules.Block, "ad.lgappstv.com": rules.Block} {
		if got := set.Gate(rules.Client{}, host); got.Answer != want {
			t.Errorf("%s: got %s, want %s", host, got.Answer, want)
		}
	}
}
