package rules

import "strings"

// neverDecrypt lists the names that no rule may cover: they carry sign-in, discovery and certificates of a product,
// and a foreign certificate there breaks every client without any gain of privacy.
func neverDecrypt() []string {
	return []string{
		"*.plex.direct",
		"plex.tv",
		"pubsub.plex.tv",
		"*.provider.plex.tv",
		"meta.plex.tv",
		"tvdb2.plex.tv",
	}
}

// covers reports whether the host pattern (a name, or *.name) holds for a name that never holds for.
func covers(pattern HostPattern, never string) bool {
	below, wild := strings.CutPrefix(never, "*.")
	switch {
	case wild && pattern.Suffix:
		return pattern.Name == below || strings.HasSuffix(pattern.Name, "."+below) || strings.HasSuffix(below, "."+pattern.Name)
	case wild:
		return strings.HasSuffix(pattern.Name, "."+below)
	case pattern.Suffix:
		return strings.HasSuffix(never, "."+pattern.Name)
	}
	return pattern.Name == never
}

// danger returns the protected name that pattern covers, or "".
func danger(pattern HostPattern, never []string) string {
	for _, name := range never {
		if covers(pattern, name) {
			return name
		}
	}
	return ""
}
