// A household as the API would tell of it: what screenshots and states are made from. Every answer is held
// against openapi.json by house.mjs.

const minute = 60000;
const hour = 60 * minute;
const day = 24 * hour;
export const iso = (t) => new Date(t).toISOString();

const H64 = (n) => n.toString(16).padStart(2, '0').repeat(32);

const plexBody = { event: 'playback:itemend', deviceIdentifier: 'q7c0m4x9t2v6b1n8k3w5z0ha', properties: { type: 'video', duration: 6180, playbackTime: 6180 } };

const removed = (selector, type, shape) => ({ selector, transform: 'unlisted', type, shape, listed: false, removed: true, effect: 'removed' });

export const plexEdits = [
	{ selector: '$.event', transform: 'keep', type: 'string', shape: 'text, 16 letters', listed: true, removed: false, effect: 'kept' },
	{ selector: '$.properties.type', transform: 'map', detail: 'to video or audio', type: 'string', shape: 'word', listed: true, removed: false, effect: 'changed' },
	{ selector: '$.properties.duration', transform: 'bucket', detail: 'to 8 lengths', type: 'number', shape: 'integer, 4 digits', listed: true, removed: false, effect: 'changed' },
	{ selector: '$.properties.playbackTime', transform: 'derive', detail: 'share of the coarser length', type: 'number', shape: 'integer, 4 digits', listed: true, removed: false, effect: 'changed' },
	{ selector: '$.deviceIdentifier', transform: 'random', type: 'string', shape: '24 letters and digits', listed: true, removed: false, effect: 'changed' },
	removed('$.userId', 'number', 'integer, 9 digits'), removed('$.sessionIdentifier', 'string', 'uuid'), removed('$.interaction', 'boolean', ''),
	removed('$.context', 'object', '3 members'), removed('$.properties.bitrate', 'number', 'integer, 4 digits'), removed('$.properties.container', 'string', 'word'),
	removed('$.properties.audioCodec', 'string', 'word'), removed('$.properties.videoCodec', 'string', 'word'), removed('$.properties.serverType', 'string', 'word'),
	removed('$.properties.connectionType', 'string', 'word'), removed('$.properties.page', 'string', 'word'), removed('$.properties.row', 'number', 'integer, 1 digit'),
	removed('header:Referer', 'string', 'url'), removed('header:User-Agent', 'string', 'text'),
	{ selector: 'header:Content-Type', transform: 'keep', type: 'string', shape: 'text', listed: true, removed: false, effect: 'kept' },
];

const plex = { product: 'plex', product_title: 'Plex', host: 'analytics.plex.tv', port: 443, scheme: 'https', door: 'proxy', client: '192.168.1.20', client_name: 'nas' };

export function entries(now) {
	const at = (ago) => iso(now - ago);
	let seq = 900;
	const id = () => `local-${seq--}`;
	const base = { edits: 0, changed: 0, held_back: 0, done: true };
	const list = [
		{ ...base, ...plex, id: id(), time: at(40000), type: 'sent', flow: 'c9q1k2', method: 'POST', target: '/collect/event', kind: 'playback', kind_title: 'Playback statistics', rule: 'plex-playback-video', verdict: 'generalize', says: ['video', '95 to 115 min'], edits: 20, changed: 4, held_back: 14, status: 200, bytes_out: 412, bytes_in: 2, duration_ms: 84.2 },
		{ ...base, ...plex, id: id(), time: at(3 * minute), type: 'kept', flow: 'c9q1k1', method: 'POST', target: '/collect/event', kind: 'playback', kind_title: 'Playback statistics', rule: 'plex-playback-other', verdict: 'drop', says: ['playback:itemstart'], edits: 21, held_back: 21, status: 200 },
		{ ...base, ...plex, id: id(), time: at(4 * minute), type: 'kept', flow: 'c9q1k0', method: 'POST', target: '/collect/event', kind: 'interaction', kind_title: 'Clicks and pages', rule: 'plex-clicks', verdict: 'drop', reason: 'switch', detail: 'interaction: drop', edits: 16, held_back: 16, status: 200 },
		{ ...base, ...plex, id: id(), time: at(9 * minute), type: 'kept', flow: 'c9q1j9', method: 'POST', target: '/collect/event', kind: 'playback', kind_title: 'Playback statistics', rule: 'plex-playback-video-rate', part: 'rate', verdict: 'hold', edits: 18, held_back: 15, changed: 2, done: false, parts_left: 0 },
		{ ...base, id: id(), time: at(31 * minute), type: 'sent', flow: 'n1', door: 'proxy', client: '192.168.1.20', client_name: 'nas', scheme: 'https', host: 'insights.navidrome.org', port: 443, method: 'POST', target: '/collect', product: 'navidrome', product_title: 'Navidrome', kind: 'insights', kind_title: 'Insights', rule: 'navidrome-insights', verdict: 'generalize', says: ['Linux', '10,000 tracks and more'], edits: 71, changed: 9, held_back: 55, status: 200, bytes_out: 233, bytes_in: 0, duration_ms: 141 },
		{ ...base, id: id(), time: at(55 * minute), type: 'event', verdict: '', reason: 'choice', detail: 'Plex, clicks and pages: drop (from this machine)' },
		{ ...base, id: id(), time: at(2 * hour), type: 'sent', flow: 's1', door: 'proxy', client: '192.168.1.20', client_name: 'nas', scheme: 'https', host: 'services.sonarr.tv', port: 443, method: 'GET', target: '/v1/update/main?version=4.0.9&os=linux', product: 'sonarr', product_title: 'Sonarr', kind: 'update', kind_title: 'Update check', rule: 'sonarr-update', verdict: 'pass', edits: 6, status: 200, bytes_out: 0, bytes_in: 5321, duration_ms: 210 },
		{ ...base, id: id(), time: at(3 * hour), type: 'kept', flow: 'x1', door: 'transparent', client: '192.168.1.44', scheme: 'https', host: 'scribe.logs.roku.com', port: 443, product: 'roku', product_title: 'Roku', verdict: 'refuse', rule: 'roku-logs' },
		{ ...base, ...plex, id: id(), time: at(5 * hour), type: 'kept', flow: 'c9q1a0', host: 'o17675.ingest.sentry.io', method: 'POST', target: '/api/1233455/envelope/', kind: 'crash', kind_title: 'Crash reports', rule: 'plex-crash', verdict: 'drop', edits: 38, held_back: 38, status: 200 },
		{ ...base, ...plex, id: id(), time: at(7 * hour), type: 'kept', flow: 'c9q1a1', method: 'POST', target: '/collect/v2/batch', verdict: 'drop', reason: 'unmatched', edits: 9, held_back: 9, status: 200 },
		{ ...base, ...plex, id: id(), time: at(8 * hour), type: 'sent', flow: 'c9q1a2', method: 'POST', target: '/collect/event', kind: 'playback', kind_title: 'Playback statistics', rule: 'plex-playback-audio', verdict: 'failed', error: 'analytics.plex.tv:443: origin certificate not trusted; nothing was sent', edits: 12, held_back: 8 },
		{ ...base, id: id(), time: at(9 * hour), type: 'tunnel', verdict: 'tunnel', door: 'proxy', client: '192.168.1.20', client_name: 'nas', host: 'metadata.provider.plex.tv', count: 31, bytes_in: 8123456, bytes_out: 120345 },
	];
	for (let i = 0; i < 60; i++) {
		const film = i % 3 === 0;
		list.push({ ...base, ...plex, id: id(), time: at(26 * hour + i * 47 * minute), type: film ? 'sent' : 'kept', flow: 'old' + i, method: 'POST', target: '/collect/event', kind: 'playback', kind_title: 'Playback statistics', rule: film ? 'plex-playback-video' : 'plex-playback-other', verdict: film ? 'generalize' : 'drop', says: film ? ['video', '35 to 50 min'] : [], edits: 20, changed: film ? 4 : 0, held_back: film ? 14 : 21, status: 200 });
	}
	return list;
}

export function detail(entry, now, over = {}) {
	const is = entry.rule === 'plex-playback-video';
	const edits = is ? plexEdits : Array.from({ length: Math.min(entry.held_back, 12) }, (_, i) => removed(['$.userId', '$.event', '$.sessionIdentifier', '$.context.device.model', '$.context.device.screenResolution', '$.properties.page', '$.properties.action', '$.properties.row', '$.properties.col', '$.properties.type', 'header:Cookie', 'query:X-Plex-Token'][i], i === 7 || i === 8 ? 'number' : 'string', ['integer, 9 digits', 'word', 'uuid', 'word', 'two sizes', 'word', 'word', 'integer, 1 digit', 'integer, 1 digit', 'word', 'text', '20 letters and digits'][i]));
	const body = JSON.stringify(plexBody);
	const request = entry.type === 'sent' ? {
		method: entry.method, target: entry.target, version: 'HTTP/2.0', length: is ? 512 : 0, digest: H64(17),
		header: [{ name: 'Host', value: entry.host }, { name: 'Content-Type', value: 'application/json' }, { name: 'User-Agent', value: 'scrim' }, { name: 'Accept', value: '*/*' }],
		body: is ? { form: 'json', text: body, bytes: body.length, cut: false } : null,
	} : null;
	return {
		entry, edits, request, parts: [], same_flow: [], rule_known: true, original: null,
		...(is ? { why: 'Duration and bit rate together can single out a file in your library.' } : {}),
		result: entry.type === 'sent' ? { id: 'local-1901', time: iso(now), status: entry.status ?? 200, bytes_in: 2, bytes_out: 412, duration_ms: 84.2 } : null,
		chain: { node: 'local', seq: Number(entry.id.split('-')[1]), prev: H64(33), hash: H64(71) }, ...over,
	};
}

export function products(now) {
	const kind = (name, title, def, sw, events, ago, origin = 'default', rules = 3) => ({ name, title, default: def, switch: sw, origin, rules, events, ...(events ? { last: iso(now - ago) } : {}) });
	const host = (name, cls = 'telemetry', refused = false) => ({ name, class: cls, refused });
	return { profile: 'generalized', profile_origin: 'default', products: [
		{ name: 'plex', title: 'Plex', profile: 'generalized', profile_origin: 'default', pause_until: null, rules: 24, seen: true, last: iso(now - 40000), hosts: [host('analytics.plex.tv'), host('metrics.plex.tv'), host('o17675.ingest.sentry.io'), host('crashreport.plexapp.com')], kinds: [
			kind('playback', 'Playback statistics', 'generalize', 'generalize', 812, 40000), kind('interaction', 'Clicks and pages', 'drop', 'drop', 3120, 4 * minute, '/var/lib/scrim/choices.yaml:4:5'), kind('library', 'Library and matching', 'drop', 'drop', 44, 2 * day),
			kind('server', 'Servers and devices', 'drop', 'drop', 61, day), kind('account', 'Account, purchases and subscriptions', 'drop', 'pass', 2, 3 * day, '/etc/scrim/config.yaml:21:5'), kind('crash', 'Crash reports', 'drop', 'drop', 9, 5 * hour)] },
		{ name: 'navidrome', title: 'Navidrome', profile: 'strict', profile_origin: '/var/lib/scrim/choices.yaml:9:5', pause_until: null, rules: 1, seen: true, last: iso(now - 31 * minute), hosts: [host('insights.navidrome.org')], kinds: [kind('insights', 'Insights', 'generalize', 'generalize', 64, 31 * minute, 'default', 1)] },
		{ name: 'sonarr', title: 'Sonarr', profile: 'generalized', profile_origin: 'default', pause_until: iso(now + 42 * minute), rules: 4, seen: true, last: iso(now - 2 * hour), hosts: [host('services.sonarr.tv', 'mixed'), host('sentry.servarr.com')], kinds: [kind('update', 'Update check', 'generalize', 'generalize', 310, 2 * hour), kind('crash', 'Crash reports', 'drop', 'drop', 0, 0)] },
		{ name: 'jellyfin', title: 'Jellyfin', profile: 'generalized', profile_origin: 'default', pause_until: null, rules: 1, seen: false, hosts: [host('repo.jellyfin.org', 'mixed')], kinds: [kind('plugins', 'Plug-in list', 'pass', 'pass', 0, 0)] },
		{ name: 'roku', title: 'Roku', profile: 'generalized', profile_origin: 'default', pause_until: null, rules: 1, seen: false, hosts: [host('scribe.logs.roku.com', '', true)], kinds: [] },
	] };
}

export function fields(now) {
	const f = (selector, type, looks, count, distinct, treatment, effect, listed, vendor, more = {}) => ({ selector, types: [{ type, count }], looks_like: looks, count, distinct, first_seen: iso(now - 20 * day), last_seen: iso(now - minute), treatment, effect, listed, vendor, new: false, ...more });
	return { since: iso(now - 30 * day), missed: 0, full: false, products: [
		{ product: 'plex', title: 'Plex', hosts: [{ host: 'analytics.plex.tv', events: [
			{ event: 'plex-playback-video', rule: 'plex-playback-video', kind: 'playback', count: 271, first_seen: iso(now - 20 * day), last_seen: iso(now - 40000), new: false, fields: [
				f('$.event', 'string', 'word', 271, 1, 'keep', 'kept', true, true), f('$.properties.duration', 'number', 'integer', 271, 190, 'bucket', 'changed', true, true, { detail: 'to 8 lengths' }), f('$.properties.bitrate', 'number', 'integer', 270, 44, 'unlisted', 'removed', false, true),
				f('$.deviceIdentifier', 'string', '24 letters and digits', 271, 3, 'random', 'changed', true, null), f('$.userId', 'number', 'integer, 9 digits', 271, 1, 'unlisted', 'removed', false, false), f('$.properties.hdrFormat', 'string', 'word', 6, 2, 'unlisted', 'removed', false, false, { new: true, first_seen: iso(now - 2 * day) }), f('$.context.device.screenResolution', 'string', 'two sizes', 271, null, 'unlisted', 'removed', false, true)] },
			{ event: 'plex-clicks', rule: 'plex-clicks', kind: 'interaction', title: 'client:click', count: 3120, first_seen: iso(now - 20 * day), last_seen: iso(now - 4 * minute), new: false, fields: [f('$.properties.action', 'string', 'word', 3120, 12, 'unlisted', 'removed', false, true)] }] }] },
		{ product: 'navidrome', title: 'Navidrome', hosts: [{ host: 'insights.navidrome.org', events: [{ event: 'navidrome-insights', rule: 'navidrome-insights', kind: 'insights', count: 64, first_seen: iso(now - 3 * day), last_seen: iso(now - 31 * minute), new: true, fields: [f('$.id', 'string', 'uuid', 64, 1, 'unlisted', 'removed', false, null), f('$.library.tracks', 'number', 'integer', 64, 9, 'bucket', 'changed', true, null)] }] }] },
	] };
}

const sum = (c) => ({ ...c, seen: c.passed + c.generalized + c.dropped + c.held + c.refused + c.tunnelled + c.failed, complete: true });

export function status(now) {
	return {
		version: '0.1.0', node: 'local', time: iso(now), started: iso(now - 6 * day), ready: true, rules: 96, products: 12, profile: 'generalized', originals: false, first_event: iso(now - 20 * day),
		doors: [{ name: 'proxy', address: '[::]:3128', use: 'http://192.168.1.2:3128' }, { name: 'dns', address: '[::]:53', use: '192.168.1.2' }, { name: 'transparent', address: '[::]:3129' }, { name: 'web', address: '[::]:3131', use: 'http://192.168.1.2:3131' }],
		ca: { fingerprint: Array.from({ length: 32 }, (_, i) => ((i * 37 + 11) % 256).toString(16).padStart(2, '0').toUpperCase()).join(':'), subject: 'scrim root of nas', not_before: iso(now - 20 * day), not_after: iso(now + 3630 * day), sealed: false, hosts: 61 },
		ledger: { store: 'sqlite', used: 91234567, limit: 268435456, keep_age: 7776000, records: 18231, notes: [] },
		counters: { ...sum({ passed: 312, generalized: 812, dropped: 3236, held: 4, refused: 61, tunnelled: 9120, failed: 3 }), lost: 0, records: 18231 },
		proxy: { ...sum({ passed: 41, generalized: 96, dropped: 410, held: 4, refused: 8, tunnelled: 1211, failed: 1 }), not_served: 2, over_limit: 0, pinned: 3, drift: 2, ledger_fault: 0, panics: 0, connections: 17 },
		waiting: [{ product: 'plex', kind: 'playback', rule: 'plex-playback-video-rate', part: 'rate', count: 4, next: iso(now + 9 * hour) }],
		pinned: [{ client: '192.168.1.44', client_name: 'living room', host: 'scribe.logs.roku.com', how: 'unknown certificate authority', time: iso(now - 2 * hour), tries: 3, next: 'refuse' }],
		drift: { count: 5, week: 2, latest: drift(now).drift[0] }, reload: { time: iso(now - 2 * day), good: true, faults: [], later: [] },
	};
}

export function drift(now) {
	return { drift: [
		{ time: iso(now - 2 * day), what: 'field', product: 'plex', host: 'analytics.plex.tv', event: 'plex-playback-video', name: '$.properties.hdrFormat', detail: 'string, word' },
		{ time: iso(now - 3 * day), what: 'request', product: 'plex', host: 'analytics.plex.tv', name: 'POST /collect/v2/batch' },
	] };
}

export function hosts(now) {
	const t = (host, count, bytes_in, bytes_out, like = '') => ({ host, count, bytes_in, bytes_out, clients: ['192.168.1.20', '192.168.1.44'].slice(0, 1 + (count % 2)), first: iso(now - 6 * day), last: iso(now - count * minute), telemetry_like: like !== '', ...(like ? { why: like } : {}) });
	const tunnels = [t('metadata.provider.plex.tv', 310, 81234560, 1203450), t('image.tmdb.org', 120, 48123456, 90345), t('plex.tv', 512, 9123456, 2120345), t('app-measurement.com', 88, 120345, 812345, 'name of an analytics service; sends more than it receives'), t('api.themoviedb.org', 64, 5123456, 80345), t('firebaselogging-pa.googleapis.com', 31, 40960, 281920, 'name of a logging service'), t('downloads.plex.tv', 2, 192345678, 4096)];
	tunnels.sort((a, b) => b.bytes_in + b.bytes_out - a.bytes_in - a.bytes_out);
	const total = (k) => tunnels.reduce((s, x) => s + x[k], 0);
	return { since: iso(now - 7 * day), tunnels, totals: { hosts: tunnels.length, count: total('count'), bytes_in: total('bytes_in'), bytes_out: total('bytes_out') }, ruled: [{ name: 'analytics.plex.tv', class: 'telemetry', product: 'plex', refused: false }, { name: 'metrics.plex.tv', class: 'telemetry', product: 'plex', refused: false }, { name: 'services.sonarr.tv', class: 'mixed', product: 'sonarr', refused: false }, { name: 'scribe.logs.roku.com', class: '', product: 'roku', refused: true }] };
}

export function rules(now) {
	const r = (id, kind, then, hits, why, line) => ({ id, product: id.split('-')[0], product_title: id.startsWith('plex') ? 'Plex' : 'Navidrome', kind, then, why, file: `${id.split('-')[0]}/rules.yaml`, line, hits, ...(hits ? { last_hit: iso(now - 5 * minute) } : {}) });
	return { warnings: [], rules: [
		{ id: 'home-refuse', then: 'refuse', file: '/etc/scrim/home.yaml', line: 3, hits: 12, last_hit: iso(now - hour), why: 'We do not need this one.' },
		r('plex-playback-video', 'playback', 'generalize', 271, 'Duration and bit rate together can single out a file in your library.', 24), r('plex-playback-audio', 'playback', 'generalize', 541, 'The length of a track, in seconds, names the track in many libraries.', 80), r('plex-playback-other', 'playback', 'drop', 1820, 'Start, pause and progress events tell a runtime by their arrival times alone; photos are not reported.', 110), r('plex-clicks', 'interaction', 'drop', 3120, 'Clicks tell what you looked for.', 160), r('plex-crash', 'crash', 'drop', 0, 'Crash reports carry file paths and, for the server, your e-mail address.', 210),
		r('navidrome-insights', 'insights', 'generalize', 64, 'Counts of a library are close to a fingerprint of it.', 18)] };
}

export function explanation() {
	const body = JSON.stringify(plexBody);
	return { url: 'https://analytics.plex.tv/collect/event', gate: 'intercept', class: 'telemetry', verdict: 'generalize', rule: 'plex-playback-video', tried: [{ rule: 'home-refuse', held: false, failed: 'host: analytics.plex.tv is not telemetry.example.com' }, { rule: 'plex-playback-video', held: true }], edits: plexEdits, drift: ['$.properties.hdrFormat'], leaves: [{ held: false, request: { method: 'POST', target: '/collect/event', header: [{ name: 'Host', value: 'analytics.plex.tv' }, { name: 'User-Agent', value: 'scrim' }], length: body.length, body: { form: 'json', text: body, bytes: body.length, cut: false } } }] };
}

export function setup(now) {
	const s = status(now);
	return { ca: { fingerprint: s.ca.fingerprint, subject: s.ca.subject, not_after: s.ca.not_after, pem: '/ca.pem', der: '/ca.der' }, addresses: ['192.168.1.2'], doors: s.doors, proxy: 'http://192.168.1.2:3128', collector: '', pac: 'http://192.168.1.2:3131/proxy.pac', web: 'http://192.168.1.2:3131', qr: '/api/v1/setup/qr.svg', products: products(now).products.map((p) => ({ name: p.name, title: p.title })), first_event: s.first_event };
}

export function charts(now, days = 30) {
	const list = Array.from({ length: days }, (_, i) => {
		const wave = Math.round(40 + 30 * Math.sin(i * 0.9) + (i % 7 > 4 ? 35 : 0));
		return { day: iso(now - (days - 1 - i) * day).slice(0, 10), passed: 6 + (i % 5), generalized: Math.round(wave / 3), dropped: wave + 20, held: i > days - 3 ? 2 : 0, refused: i % 6, failed: i % 11 === 0 ? 2 : 0, fields_held_back: wave * 17, fields_changed: wave * 2, tunnels: 40, tunnel_bytes: wave * 4123456 };
	});
	return { since: iso(now - days * day), days: list, products: [{ product: 'plex', title: 'Plex', events: 812, fields_held_back: 9120 }], tunnels: [{ host: 'plex.tv', bytes_in: 123, bytes_out: 12 }] };
}

export function config() {
	return { file: '/etc/scrim/config.yaml', choices: '/var/lib/scrim/choices.yaml', settings: [{ key: 'listen.proxy', value: ':3128', origin: 'default', doc: 'explicit proxy', chosen: false }, { key: 'products.plex.interaction', value: 'drop', origin: '/var/lib/scrim/choices.yaml:4:5', chosen: true }, { key: 'clients.allow', value: ['loopback', 'private', 'lan'], origin: 'default', doc: 'who may use the doors', chosen: false }] };
}

export function coverage(now) {
	const none = { intercepted: 0, tunnelled: 0, refused: 0, failed: 0 };
	return { since: iso(now - 6 * day), dns_door: true, clients: [
		{ client: '192.168.1.20', name: 'nas', quic_rejected: 0, dns_bypass: [], other: { ...none, tunnelled: 1211 }, products: [{ product: 'plex', asked: 310, around: 0, doors: { proxy: 512 }, ...none, intercepted: 512, names: [{ name: 'analytics.plex.tv', standing: 'covered', asked: 300, last_asked: iso(now - minute), last_came: iso(now - minute), doors: { proxy: 512 }, ...none, intercepted: 512 }] }] },
		{ client: '192.168.1.44', name: 'living room', quic_rejected: 214, dns_bypass: ['dns.google'], other: { ...none, tunnelled: 88 }, products: [{ product: 'roku', asked: 90, around: 1, doors: {}, ...none, names: [{ name: 'scribe.logs.roku.com', standing: 'around', asked: 90, last_asked: iso(now - 4 * minute), doors: {}, ...none }] }] },
	] };
}
