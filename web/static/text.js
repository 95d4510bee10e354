// Every English word of the UI. A translation is another file of this shape.

const many = (n, one, more) => `${num(n)} ${n === 1 ? one : more}`;
const num = (n) => new Intl.NumberFormat('en').format(n ?? 0);

export const locale = 'en';

export const text = {
	name: 'scrim',
	skip: 'Skip to the content',
	menu: 'Menu',
	nav: { label: 'Pages', left: 'What left', products: 'Products', fields: 'Fields', hosts: 'Hosts', health: 'Coverage and health', rules: 'Rules', setup: 'Set up' },
	live: { opening: 'Connecting …', open: 'Live', gone: 'No answer', idle: 'Signed out', asleep: 'Resting' },
	theme: { label: 'Colours', auto: 'Automatic', light: 'Light', dark: 'Dark' },
	signOut: 'Sign out',
	version: (v) => `scrim ${v}`,

	gone: 'scrim does not answer. This page looks again by itself; nothing you see here is lost.',
	back: 'scrim is back.',
	ledgerFault: 'The ledger cannot take entries, so no telemetry leaves the house until it can. Everything else keeps flowing.',
	reloadFault: 'The last reload was faulty; the rules from before it are in force.',
	pausedBanner: (title, until) => `${title} passes unchanged until ${until}.`,
	more: 'Details',
	loading: 'Loading …',
	again: 'Try again',
	copy: 'Copy', copied: 'Copied',
	close: 'Close',
	never: 'never', none: 'none', unknown: 'unknown',
	faults: {
		gone: 'scrim does not answer', gone_hint: 'It may be restarting. This page looks again by itself.',
		unavailable: 'The ledger cannot be read just now', not_found: 'This is not here', not_found_hint: 'Retention may have removed it, or the address has a slip of the pen.',
		unauthorized: 'Please sign in', forbidden: 'That is not allowed from here', too_many: 'Too many attempts', too_large: 'That is too large', bad_request: 'scrim did not understand that',
		conflict: 'Something else changed it at the same time', failed: 'Something went wrong', page: 'This page met a fault of its own', page_hint: 'Loading it again usually helps. The ledger is not touched by it.',
	},
	retryIn: (s) => `Try again in ${many(s, 'second', 'seconds')}.`,

	verdict: { pass: 'Left unchanged', generalize: 'Softened', drop: 'Held back', hold: 'Waiting', refuse: 'Refused', tunnel: 'Not looked into', failed: 'Failed', event: 'Notice' },
	verdictHelp: {
		pass: 'It left the house as it came.', generalize: 'It left in a coarser form.', drop: 'It stayed in the house; the product got a plausible answer.',
		hold: 'It waits for its scheduled release.', refuse: 'The connection was refused; nothing was decrypted.', tunnel: 'No rule speaks of this host: bytes were carried, not read.', failed: 'It did not leave: something failed.',
	},
	reason: {
		switch: 'because of your switch', pause: 'because the product is paused', on_error: 'because it could not be treated safely', unlisted: 'because of a field no rule knows',
		unmatched: 'because no rule matched', empty: 'because nothing was left of the batch', 'built-in': 'a browser’s question, answered here', profile: 'because the profile leaves it out',
	},
	event: { choice: 'Switch turned', reload: 'Rules read anew', pinned: 'Certificate refused by a client', pause: 'Pause', profile: 'Profile changed', drift: 'Something new', start: 'scrim started', stop: 'scrim stopped', login: 'Signed in' },
	door: { proxy: 'explicit proxy', socks: 'SOCKS5', collector: 'collector', transparent: 'transparent', redirected: 'redirected by DNS', tls: 'redirected by DNS, TLS', http: 'redirected by DNS, HTTP', dns: 'DNS', web: 'this page' },
	noProduct: 'No product', noRule: 'no rule matched',
	fieldsHeld: (n) => `${many(n, 'field', 'fields')} held back`,
	fieldsChanged: (n) => `${many(n, 'field', 'fields')} softened`,
	connections: (n) => many(n, 'connection', 'connections'),
	parts: (n) => `${many(n, 'part', 'parts')} left later`,
	part: (p) => `part “${p}”`,
	today: 'Today', yesterday: 'Yesterday', justNow: 'just now',

	left: {
		title: 'What left', lead: 'Every exchange on a host that a rule names, newest first: as it left, or why it did not.',
		tiles: { generalized: 'softened', dropped: 'held back', passed: 'left unchanged', fields: 'fields held back' },
		tilesTitle: 'Today', week: (n) => `${num(n)} in 7 days`,
		search: 'Search host or rule', product: 'Product', allProducts: 'All products', verdict: 'What happened', allVerdicts: 'Everything', also: 'With tunnels', clear: 'Clear filters',
		kindFilter: (k) => `Kind: ${k}`, ruleFilter: (r) => `Rule: ${r}`, hostFilter: (h) => `Host: ${h}`, clientFilter: (c) => `Client: ${c}`,
		stop: 'Hold the list still', go: 'Follow live', fresh: (n) => `Show ${many(n, 'new entry', 'new entries')}`, said: (n) => `${many(n, 'new entry', 'new entries')}`,
		older: 'Older entries', end: 'This is where the ledger begins.', skipped: (n) => `${many(n, 'entry', 'entries')} came faster than a page can show. They are in the ledger.`,
		list: 'Entries', export: 'Save as file', empty: 'Nothing has come through yet', emptyHelp: 'As soon as a product sends something to a host that a rule names, it appears here within a second.', toSetup: 'Set up a product',
		nothing: 'Nothing matches', nothingHelp: 'No entry fits these filters.',
	},
	charts: {
		title: 'The last 30 days', verdicts: 'Events a day', fields: 'Fields', tunnels: 'Bytes tunnelled', pick: 'Hover or touch to read a day', table: 'Values of the chart', empty: 'No events in these 30 days.', day: 'Day',
		generalized: 'softened', dropped: 'held back', passed: 'left unchanged', held: 'waiting', refused: 'refused', failed: 'failed', fields_held_back: 'held back', fields_changed: 'softened', tunnel_bytes: 'bytes tunnelled',
	},
	entry: {
		back: 'What left', when: 'When', from: 'From', to: 'To', door: 'Door', rule: 'Rule', why: 'Why', kind: 'Kind of data', outcome: 'Answer', size: 'Size', id: 'Entry', hash: 'Hash', hashBefore: 'Hash before', detail: 'Detail', error: 'Error', answered: 'answered here', by: 'by the origin',
		leftTitle: 'The request as it left', keptTitle: 'Nothing left the house', keptHelp: 'The fields below were in the request. None of them left.', heldHelp: 'The fields below were in the request. It waits, or its parts left separately.',
		original: 'As it came', originalHelp: 'In memory only, because originals: memory is on. It is gone after 50 more events or a restart.', marked: 'Marked', raw: 'Exact text', listed: 'All edits',
		headers: 'Headers', query: 'Query', body: 'Body', noBody: 'No body.', binary: (n) => `${n} that are not text.`, cut: 'Only the beginning is shown.', showAll: 'Show more', masked: 'Secrets such as tokens and cookies are masked in the ledger.',
		elsewhere: 'Edits that have no single place', changed: 'softened', removed: 'held back', replaced: 'written anew', kept: 'kept', was: (w) => `was ${w}`, times: (n) => `${num(n)} times`, unlisted: 'no rule lists it', wasThere: 'What was there', done: 'What was done', reasonTitle: 'Why',
		toRule: 'See the rule', toSwitch: (kind) => `Switch for ${kind}`, like: 'More of this rule', sameFlow: 'The same exchange', partsTitle: 'What left of it later', chain: 'Place in the chain', ruleGone: 'this rule is no longer in force', newTag: 'new',
		effects: { kept: 'Kept', changed: 'Softened', removed: 'Held back' }, summary: (k, c, r) => [c && `${num(c)} softened`, r && `${num(r)} held back`, k && `${num(k)} kept`].filter(Boolean).join(' · ') || 'no field was looked at', legend: 'Marks', tooDeep: 'This body is too large to mark. Its exact text is shown.', size2: (a, b) => `${a} out, ${b} back`,
	},
	transform: {
		keep: 'kept', remove: 'removed', unlisted: 'no rule lists it', replace: 'replaced', round: 'rounded', bucket: 'put into a class', truncate: 'cut to a coarser time', stamp: 'the day of sending', top: 'top-coded', bottom: 'bottom-coded', map: 'coarser category',
		shorten: 'shortened', prefix: 'network part kept', pseudonym: 'pseudonym', random: 'replaced by chance', derive: 'worked out from the coarser field', frame: 'frame class', inside: 'opened and treated', drop: 'stayed in the house with its event',
	},
	products: {
		title: 'Products', lead: 'One switch for each kind of data. It acts at once, is remembered, and is itself an entry in the ledger.', seen: 'Seen in this house', unseen: 'Not seen yet', search: 'Find a product',
		states: { pass: 'Let through', generalize: 'Soften', drop: 'Hold back' },
		means: { pass: 'Leaves as the product wrote it.', generalize: 'Leaves in a coarser form, by the rules.', drop: 'Stays here; the product gets a plausible answer.' },
		kinds: 'Kinds of data', events: (n) => many(n, 'event', 'events'), rules: (n) => many(n, 'rule', 'rules'), last: (t) => `last ${t}`, none: 'not seen yet',
		byYou: 'set here', byDefault: 'as shipped', byFile: (f) => `from ${f}`, reset: 'As configured', done: (k, s) => `${k}: ${s}`, switchOf: (k, p) => `${k} of ${p}`,
		profile: 'Profile', profiles: { generalized: 'Generalized', strict: 'Strict', default: 'As for all' }, profileMeans: { generalized: 'The default classes.', strict: 'Coarser classes, fewer records.' }, profileAll: 'Profile of all products',
		pause: 'Pause', pauseHelp: 'While paused, this product passes unchanged. It ends by itself.', pauses: { 15: '15 minutes', 60: '1 hour', tomorrow: 'until tomorrow' }, paused: (t) => `Passes unchanged until ${t}`, remains: (t) => `${t} left`, resume: 'End the pause', resumed: (p) => `${p} is treated by its rules again`,
		hosts: 'Hosts', see: 'See its entries', classes: { telemetry: 'telemetry', mixed: 'mixed', '': 'not decrypted' },
		plex: {
			title: 'Plex has an opt-out of its own. Use both.',
			body: 'With both of Plex’s own opt-outs on, 11 of its 118 events are off and 17 anonymous; 90 stay identifiable (its privacy API as published, February 2022). scrim does not ask plex.tv for your status: that host is never decrypted.',
			steps: ['Sign in at plex.tv and open Account, then Privacy.', 'Turn off playback data and library statistics.', 'In each server’s settings, General, turn off “Send anonymous usage data”.'],
			after: 'Afterwards look at Fields: what still arrives there is what the opt-out does not cover.', link: 'Plex’s privacy page (opens plex.tv)',
		},
	},
	fields: {
		title: 'Fields', lead: 'Every field seen, by product, host and event, with what happens to it. Values are never stored.', search: 'Find a field', all: 'All', new: 'New', left: 'Leaves', unlisted: 'Not listed',
		columns: { field: 'Field', type: 'Type', looks: 'Looks like', count: 'Count', distinct: 'Distinct', seen: 'First and last seen', treatment: 'What happens', vendor: 'Vendor’s list' },
		vendor: { true: 'listed', false: 'not listed', null: 'no list' }, about: (n) => `about ${num(n)}`, notMeasured: 'not measured', newTag: 'new', newEvent: 'new event', events: (n) => many(n, 'event', 'events'), fields: (n) => many(n, 'field', 'fields'), since: (t) => `Since ${t}`, missed: (n) => `${many(n, 'record', 'records')} came too fast to be counted.`, full: 'A bound was met: later names are not listed.',
		empty: 'No field has been seen yet', emptyHelp: 'Fields appear with the first request to a host that a rule names.', nothing: 'No field fits.', open: 'Open all', shut: 'Close all', rule: 'Start a rule', ruleTitle: 'A starting rule', ruleHelp: 'Copy it into a file named under rule_files and adapt it: it stands before the shipped rules and decides alone, so list every field that may leave. “scrim check” says whether it is sound; the explain box under Rules tries it on a request.',
	},
	hosts: {
		title: 'Hosts', lead: 'What no rule speaks of is carried unread, and counted here by name.', suspicious: 'Telemetry-like names that no rule covers', suspiciousHelp: 'From name and shape alone; nothing was read. You decide.', tunnels: 'Carried unread', ruled: 'Ruled hosts', search: 'Find a host', days: (n) => many(n, 'day', 'days'), period: 'Period',
		columns: { host: 'Host', conns: 'Connections', out: 'Sent', in: 'Received', clients: 'Clients', last: 'Last', why: 'Looks like', class: 'Class', product: 'Product' }, totals: (h, c, b) => `${many(h, 'host', 'hosts')} · ${many(c, 'connection', 'connections')} · ${b}`,
		empty: 'Nothing was tunnelled in this time', refused: 'refused', like: 'looks like telemetry', top: 'Most bytes, by host', entries: 'Entries', sentOf: (a, b) => `${a} sent, ${b} received`, explain: 'How to refuse or rule a host',
		explainBody: 'To refuse a host, add this to a rule file and reload. Use its name in place of the example.',
	},
	health: {
		title: 'Coverage and health', lead: 'Whether everything is seen, and whether anything is wrong.', good: 'All is well', bad: (n) => many(n, 'thing needs a look', 'things need a look'),
		equation: 'Does it add up?', adds: 'It adds up: every request is in exactly one column.', not: 'It does not add up. Please report this.', since: 'Since the ledger was begun', run: 'Since this start', seen: 'seen', passed: 'left unchanged', generalized: 'softened', dropped: 'held back', held: 'waiting', refused: 'refused', tunnelled: 'not looked into', failed: 'failed',
		beside: 'Beside the equation', lost: 'results lost', not_served: 'clients not served', over_limit: 'over a limit', pinned: 'certificate refused', drift: 'drift', ledger_fault: 'stayed here for the ledger', panics: 'faults of scrim', connections: 'connections open',
		doors: 'Doors', doorsNone: 'No door is open.', enter: 'enter', ca: 'Certificate authority', fingerprint: 'SHA-256 fingerprint', expires: 'Expires', subject: 'Name', names: 'Names it may sign', key: 'Root key', sealed: 'sealed: destroyed', kept: 'kept', caSoon: 'The certificate authority expires soon. Rotate it with “scrim ca rotate”.', expired: 'The certificate authority has expired.',
		ledger: 'Ledger', store: 'Store', used: (a, b) => `${a} of ${b}`, age: 'Kept for', days: (n) => many(n, 'day', 'days'), ageless: 'no limit of age', records: 'Records', verify: 'Verify the chain', verifying: 'Walking the chain …', whole: (n, from) => `Whole: ${many(n, 'record', 'records')}${from ? `, from ${from}` : ''}.`, broken: (f) => `Not whole: ${f}`,
		refusers: 'Clients that refused the certificate', refusersNone: 'No client has refused it.', refusersHelp: 'Install the authority on that device, or leave it: on telemetry hosts nothing leaves, on mixed ones it is tunnelled.', next: { refuse: 'refused next time', tunnel: 'tunnelled next time', try: 'tried again' }, tries: (n) => many(n, 'try', 'tries'),
		waiting: 'Releases waiting', waitingNone: 'Nothing waits.', nextRelease: 'next release', driftTitle: 'New to the rules', driftNone: 'Nothing new.', driftWeek: (n) => `${num(n)} in 7 days`, what: { host: 'host', event: 'event', field: 'field', type: 'type', request: 'request without a rule' },
		rules: 'Rules in force', rulesOf: (r, p) => `${many(r, 'rule', 'rules')} for ${many(p, 'product', 'products')}`, reload: 'Read rules anew', reloaded: 'Rules read anew.', reloadedAt: 'Last reload', reloadGood: 'good', later: 'Takes effect at the next start', faults: 'Faults of the last reload', node: 'Node', uptime: 'Running since', originals: 'Originals', originalsOn: 'last 50 in memory', originalsOff: 'not kept', notReady: 'scrim is not ready yet.', lostBad: (n) => `${many(n, 'result', 'results')} found the queue full.`,
		settings: 'Settings in force', settingsHelp: (f) => (f ? `From ${f}; what is switched here is kept apart and read after it.` : 'No configuration file: the defaults hold.'), key2: 'Key', value: 'Value', origin: 'From', chosen: 'switched here',
		notify: 'Notifications', notifyTest: 'Send a test', notified: 'Sent.', notifyNone: 'None is set up (notify in the configuration).', audit: 'The crowd each event hides in', crowd: 'Crowd',
	},
	coverage: {
		title: 'Clients, and ways around', none: 'No client has come yet.', noDns: 'Without the DNS door (listen.dns) scrim cannot see which names were asked for and never came, so ways around do not show here.', around: (n) => `${many(n, 'name goes', 'names go')} around scrim`,
		came: (n) => `${many(n, 'connection', 'connections')} came`, standing: { around: 'was asked for in DNS, and nothing came' }, asked: (n) => `asked ${many(n, 'time', 'times')}`, other: 'Connections to hosts that no rule names:', quic: (n) => `${many(n, 'QUIC packet', 'QUIC packets')} rejected by the firewall, so that the client falls back to TCP.`, bypass: (s) => `Asks other resolvers over HTTPS or TLS, past the house’s DNS: ${s}`,
	},
	access: {
		title: 'Access', loopback: 'You are on this machine: no password is needed here.', session: (t) => `Signed in${t ? ` until ${t}` : ''}.`, token: 'Known by a token.', noPassword: 'No password is set, so only this machine can open the page.', set: 'Set a password', change: 'Change the password', new: 'New password', old: 'Password so far', again: 'Once more', save: 'Save', saved: 'Saved. All other sessions have ended.', differ: 'The two are not the same.', short: 'At least 10 characters.',
		tokens: 'API tokens', tokensNone: 'None.', tokenName: 'Name of the new token', make: 'Make a token', shown: 'Copy it now: it is shown once.', revoke: 'Revoke', used: (t) => `last used ${t}`, created: (t) => `made ${t}`, unused: 'never used',
	},
	rules: {
		title: 'Rules', lead: 'In the order in which they are tried; the first whose match holds decides.', explain: 'Which rule decides?', explainHelp: 'Paste a request: its URL, or a whole HTTP request, or a curl command. Nothing is sent.', method: 'Method', url: 'URL', headers: 'Headers, one a line', body: 'Body', ask: 'Explain', search: 'Find a rule', used: 'Used', unused: 'Never used', all: 'All',
		hits: (n) => many(n, 'hit', 'hits'), never: 'no hit yet', last: (t) => `last ${t}`, columns: { rule: 'Rule', kind: 'Kind', then: 'Then', hits: 'Hits', why: 'Why', file: 'From' }, warnings: 'Rules that can never decide', decides: (r) => `${r} decides`, none: 'No rule decides', gate: { tunnel: 'This host is tunnelled: no rule names it.', intercept: 'This host is decrypted.', refuse: 'This host is refused at the gate.' },
		tried: 'Rules that were tried', held: 'matched', leaves: 'What would leave', leavesNothing: 'Nothing would leave.', part: (p) => `Part ${p}`, heldPart: 'waits for its release', edits: 'Edits', drift: 'New to the rules', empty: 'No rule fits.', then: { pass: 'let through', generalize: 'soften', drop: 'hold back', refuse: 'refuse' }, own: 'Your own rules', entries: 'Its entries', needUrl: 'A URL is needed, such as https://metrics.plex.tv/collect/event', clear: 'Clear',
	},
	setup: {
		title: 'Set up', lead: 'Choose a product and the way its traffic comes to scrim. Every step can be undone.', first: 'Welcome. A few steps, and this page tells you when the first event has come.',
		product: 'Product', other: 'Another product', door: 'Door', doors: { proxy: 'Proxy setting', dns: 'DNS', transparent: 'Router', collector: 'Base URL' },
		doorHelp: { proxy: 'The product is told to use a proxy. The simplest, where it can.', dns: 'The house’s DNS names scrim for telemetry hosts. For devices without a proxy setting.', transparent: 'The router redirects. Nothing is set on the devices.', collector: 'The product’s telemetry address is set to scrim. No certificate needed.' },
		closed: (d) => `The ${d} door is closed. Open it in the configuration, then read it anew:`, step: (n) => `Step ${n}`, short: 'The short way, on the machine of the product', shortHelp: 'shows what it would do; with --apply it does it, with --undo it takes it back.', machine: (a) => `Addresses of this machine: ${a}`,
		point: 'Point it at scrim', trust: 'Let it trust the authority', restart: 'Start it anew', dnsStep: 'Let the house’s DNS name scrim', routerStep: 'Let the router redirect', baseStep: 'Set the telemetry address', play: 'Use it, and watch', playHelp: 'Play something, or open its start page. Within a minute its first event should be here.',
		waiting: 'Waiting for your first event …', came: 'The first event has come.', cameSee: 'See what left', cameAt: (t) => `First event: ${t}`, live: 'Live check',
		ca: 'The certificate authority', caHelp: 'It was made on this machine at the first start. It may sign only the hosts that rules name. Compare the fingerprint before you trust it.', fingerprint: 'SHA-256 fingerprint', pem: 'Download PEM', der: 'Download DER (Windows, Android)', qr: 'Scan with a phone to fetch the certificate', qrNone: 'This page listens on this machine only, so a phone cannot fetch the certificate here. Use “scrim ca export”, or let listen.web be “:3131” and set a password.', expires: (t) => `Valid until ${t}`, pac: 'For browsers: automatic proxy configuration, only for hosts that a rule names',
		families: { plex: 'plex', jellyfin: 'dotnet', emby: 'dotnet', sonarr: 'arr', radarr: 'arr', navidrome: 'go', syncthing: 'go', kodi: 'kodi', roku: 'tv', 'samsung-tv': 'tv', 'lg-tv': 'tv' },
		ways: {
			plex: { point: 'Plex Media Server obeys the proxy variables of its service. On Linux:', pointCode: (p) => `sudo systemctl edit plexmediaserver\n\n[Service]\nEnvironment=http_proxy=${p}\nEnvironment=https_proxy=${p}\nEnvironment=no_proxy=localhost,127.0.0.1,.plex.direct,plex.direct`, docker: (p) => `environment:\n  - http_proxy=${p}\n  - https_proxy=${p}\n  - no_proxy=localhost,127.0.0.1,.plex.direct,plex.direct`, trust: 'It has a trust store of its own, which each update replaces. Append the authority, and again after updates:', trustCode: (pem) => `curl -fsS ${pem} | sudo tee -a /usr/lib/plexmediaserver/Resources/cacert.pem`, restart: 'sudo systemctl restart plexmediaserver' },
			dotnet: { point: 'It follows the proxy variables of its environment:', pointCode: (p) => `[Service]\nEnvironment=HTTP_PROXY=${p}\nEnvironment=HTTPS_PROXY=${p}\nEnvironment=NO_PROXY=localhost,127.0.0.1`, docker: (p) => `environment:\n  - HTTP_PROXY=${p}\n  - HTTPS_PROXY=${p}\n  - NO_PROXY=localhost,127.0.0.1`, trust: 'It uses the trust store of the system (of the container, in Docker):', trustCode: (pem) => `curl -fsS ${pem} | sudo tee /usr/local/share/ca-certificates/scrim.crt\nsudo update-ca-certificates`, restart: 'sudo systemctl restart PRODUCT' },
			arr: { point: 'Settings, General, Proxy covers the application itself; its crash reports follow the environment, so set both:', pointCode: (p) => `[Service]\nEnvironment=HTTP_PROXY=${p}\nEnvironment=HTTPS_PROXY=${p}\nEnvironment=NO_PROXY=localhost,127.0.0.1`, docker: (p) => `environment:\n  - HTTP_PROXY=${p}\n  - HTTPS_PROXY=${p}\n  - NO_PROXY=localhost,127.0.0.1`, trust: 'It uses the trust store of the system (of the container, in Docker):', trustCode: (pem) => `curl -fsS ${pem} | sudo tee /usr/local/share/ca-certificates/scrim.crt\nsudo update-ca-certificates`, restart: 'sudo systemctl restart PRODUCT' },
			go: { point: 'It follows the proxy variables of its environment:', pointCode: (p) => `[Service]\nEnvironment=HTTPS_PROXY=${p}\nEnvironment=HTTP_PROXY=${p}\nEnvironment=NO_PROXY=localhost,127.0.0.1`, docker: (p) => `environment:\n  - HTTPS_PROXY=${p}\n  - HTTP_PROXY=${p}\n  - NO_PROXY=localhost,127.0.0.1`, trust: 'It uses the trust store of the system:', trustCode: (pem) => `curl -fsS ${pem} | sudo tee /usr/local/share/ca-certificates/scrim.crt\nsudo update-ca-certificates`, restart: 'sudo systemctl restart PRODUCT' },
			kodi: { point: 'Settings, System, Internet access: “Use proxy server”, type HTTP, and:', pointCode: (p) => p, trust: 'On Linux it uses the trust store of the system; on Android, Apple and LibreELEC a store of its own. Add-ons may need the proxy set on their own:', trustCode: (pem) => `curl -fsS ${pem} | sudo tee /usr/local/share/ca-certificates/scrim.crt\nsudo update-ca-certificates`, restart: '' },
			tv: { point: 'This device has no proxy setting. Use the DNS or the router door.', pointCode: null, trust: 'It cannot trust another authority: its telemetry hosts can be refused, not rewritten. Its pack does that by name, without decrypting.', trustCode: null, restart: '' },
			any: { point: 'Most programs follow these variables of their environment:', pointCode: (p) => `export http_proxy=${p} https_proxy=${p} HTTP_PROXY=${p} HTTPS_PROXY=${p}`, docker: (p) => `environment:\n  - HTTP_PROXY=${p}\n  - HTTPS_PROXY=${p}`, trust: 'Add the authority to the trust store of the system, or of the product:', trustCode: (pem) => `curl -fsS ${pem} | sudo tee /usr/local/share/ca-certificates/scrim.crt\nsudo update-ca-certificates`, restart: '' },
		},
		docker: 'In Docker', systemd: 'As a service', dnsHelp: 'Either let devices ask scrim’s own DNS door, or give the lines to the resolver you have (pihole, adguard, dnsmasq, unbound):', dnsCode: 'scrim setup dns --format pihole', dnsOpen: 'listen: {dns: ":53", tls: ":443", http: ":80"}', routerHelp: 'On a Linux router, look at the rules first, then apply them. They can be removed at any time:', routerCode: 'scrim firewall print\nscrim firewall apply', routerUndo: 'scrim firewall remove', routerOpen: 'listen: {transparent: ":3129"}', baseHelp: 'Put the telemetry host after the address, as in:', baseOpen: 'listen: {collector: ":3130"}', baseNoCa: 'This door needs no certificate.', reload: 'scrim reads its configuration anew when the file changes.',
	},
	login: {
		title: 'Sign in', lead: 'This page shows what your house sends. It is yours alone.', password: 'Password', go: 'Sign in', wrong: 'That is not the password.', expired: 'Your session has ended. Sign in again; you come back to where you were.', wait: (s) => `Too many attempts. Try again in ${many(s, 'second', 'seconds')}.`,
		setTitle: 'Set a password', setLead: 'Once, before this page can be opened from other machines. The one-time code was printed when scrim first started; “scrim serve” and its log show it.', code: 'One-time code', setGo: 'Set the password', wrongCode: 'That is not the code.',
	},
};

export const plural = many;
export const number = num;
