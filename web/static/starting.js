// A starting rule from a field: what the inventory knows of it, as YAML to adapt.
import { html, useState, useEffect } from './lib.js';
import { get } from './api.js';
import { text } from './text.js';
import { Copy } from './parts.js';

// treatmentOf proposes what to do with a field by what its values look like.
export function treatmentOf(field) {
	const type = field.types[0]?.type ?? '';
	const looks = field.looks_like ?? '';
	if (/uuid|hex|token|letters and digits/.test(looks)) return 'random';
	if (/ip|address/.test(looks) && type === 'string') return '{prefix: 24}';
	if (/time|date/.test(looks)) return '{truncate: day}';
	if (type === 'number') return '{round: 100}';
	if (type === 'boolean') return 'keep';
	return 'remove';
}

const quoted = (s) => (/^[A-Za-z0-9$./_-]+$/.test(s) ? s : JSON.stringify(s));
const word = (s) => s.toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 40);

// startingRule writes the rule. known is {method, path}, each perhaps empty.
export function startingRule({ host, field, known }) {
	const where = [`      host: [${quoted(host)}]`, known.method ? `      method: ${known.method}` : '      # method: POST', known.path ? `      path: ${quoted(known.path)}` : '      # path: /where/it/is/sent'];
	return ['rules:', `  - id: home-${word(host)}-${word(field.selector)}`, '    why: Say here why, for the day you look again.', '    match:', ...where, '    then: generalize', '    fields:', `      ${quoted(field.selector)}: ${treatmentOf(field)}`, '    unlisted: remove', '    on_error: drop', ''].join('\n');
}

// requestOf splits "POST /collect/event", as an event without a rule is named.
function requestOf(event) {
	const m = /^([A-Z]+) (\/\S*)$/.exec(event);
	return m ? { method: m[1], path: m[2] } : { method: '', path: '' };
}

export function Starting({ of, close }) {
	const [known, setKnown] = useState(() => requestOf(of.event));
	useEffect(() => {
		const now = requestOf(of.event);
		setKnown(now);
		if (now.method || !of.rule) return;
		// What was sent last by its rule tells method and path.
		get('/entries', { rule: of.rule, host: of.host, limit: 20 }).then((p) => {
			const e = p.entries.find((x) => x.method && x.target);
			if (e) setKnown({ method: e.method, path: e.target.split('?')[0] });
		}, () => {});
	}, [of]);
	const t = text.fields;
	return html`<section class="panel" aria-label=${t.ruleTitle}><div class="title"><h2>${t.ruleTitle}</h2><span class="small"><button type="button" class="button plain tiny" onClick=${close}>${text.close}</button></span></div>
		<div class="body stack"><p class="small dim">${t.ruleHelp}</p><${Copy} value=${startingRule({ host: of.host, field: of.field, known })} label=${t.ruleTitle} /></div></section>`;
}
