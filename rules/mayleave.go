package rules

import "slices"

// MayLeave says whether a part that was generalized earlier, and has waited for its release since, may leave under this
// set. It may not where the owner has switched its kind to drop, refuses its host, or has no rule any more that lets
// the part out: the rule is gone, does something else now, or leaves the part out in the profile that holds. Under a
// switch to pass, and during a pause, it leaves generalized, as it was made. why is for the ledger.
func (s *Set) MayLeave(client Client, host, product, ruleID, partName string) (ok bool, reason Reason, why string) {
	if g := s.Gate(client, host); g.Answer == Block {
		return false, ByRule, "its host is refused now"
	}
	i := slices.IndexFunc(s.rules, func(r *rule) bool { return r.info.ID == ruleID && r.info.Product == product })
	if i < 0 {
		return false, ByRule, "the rule that made it is gone"
	}
	r := s.rules[i]
	if r.kind >= 0 && s.switches[r.kind] == Drop {
		return false, BySwitch, "its kind was switched to drop while it waited"
	}
	if r.info.Then != Generalize {
		return false, ByRule, "the rule that made it drops such data now"
	}
	if !slices.ContainsFunc(r.parts[s.profile[r.product]], func(p *part) bool { return p.name == partName }) {
		return false, ByProfile, "the rule that made it no longer has this part"
	}
	return true, ByRule, ""
}
