// A request on the page: its line, query, headers and body, marked or as exact text.
import { html, useState, useMemo } from './lib.js';
import { text } from './text.js';
import { bytes } from './words.js';
import { parseBody, pairs, mark } from './json.js';
import { Tree, Pairs, Why, EditList } from './marked.js';
import { Tabs } from './parts.js';

const shownAtOnce = 40000; // characters of exact text

export function Message({ request, edits = [], about, host, plain }) {
	const [view, setView] = useState('marked');
	const body = useMemo(() => readBody(request), [request]);
	// The tree is read anew for each look, because marks are hung on it.
	const { root, elsewhere } = useMemo(() => {
		const tree = body.tree?.() ?? { kind: 'object', items: [] };
		const inBody = edits.filter((e) => e.selector.startsWith('$'));
		const rest = edits.filter((e) => !/^(\$|header:|query:)/.test(e.selector));
		const left = body.tree || request.body === null ? mark(tree, inBody, request.body === null) : inBody;
		return { root: body.tree || tree.items.length ? tree : null, elsewhere: [...left, ...rest] };
	}, [body, edits]);
	const nothing = request.body === null && request.header.length === 0; // it did not leave
	const [path, query = ''] = cut(request.target);
	const params = pairs(query).items.map((i) => ({ name: i.name, value: i.value }));
	const hasQuery = params.length > 0 || edits.some((e) => e.selector.startsWith('query:'));
	return html`<div class="message">
		<div class="message-top"><code class="rline wrap">${request.method && html`<b>${request.method}</b> `}${host ? html`<span class="dim">${host}</span>` : ''}${path}${plain && query ? '?' + query : ''}</code>
		${!plain && html`<${Tabs} label=${text.entry.legend} value=${view} onPick=${setView} options=${[['marked', text.entry.marked], nothing ? null : ['raw', text.entry.raw], ['list', text.entry.listed]].filter(Boolean)} />`}</div>
		${view === 'list' ? html`<${EditList} edits=${edits} />` : view === 'raw' ? html`<${Raw} request=${request} />` : html`
			${hasQuery && html`<h3>${text.entry.query}</h3><${Pairs} list=${params} edits=${edits} prefix="query:" about=${about} />`}
			${(request.header.length > 0 || edits.some((e) => e.selector.startsWith('header:'))) && html`<h3>${text.entry.headers}</h3>`}<${Pairs} list=${request.header} edits=${edits} prefix="header:" about=${about} fold />
			${(request.body || root || !nothing) && html`<h3>${text.entry.body}${request.body && html` <span class="dim small">${bytes(request.body.bytes)}${request.coding ? ` · ${request.coding}` : ''}</span>`}</h3>`}
			${body.note && html`<p class="small dim">${body.note}</p>`}
			${root ? html`<${Tree} root=${root} about=${about} />` : body.text !== undefined ? html`<${Long} value=${body.text} />` : !nothing && html`<p class="dim small">${body.none}</p>`}
			${elsewhere.length > 0 && html`<h3>${text.entry.elsewhere}</h3><div class="stack">${elsewhere.map((e, i) => html`<${Why} key=${i} edit=${e} about=${about} />`)}</div>`}`}
	</div>`;
}

function cut(target) {
	const at = target.indexOf('?');
	return at < 0 ? [target] : [target.slice(0, at), target.slice(at + 1)];
}

// readBody says how a body can be shown: tree (a function, as marks are hung on what it gives), text, or none.
function readBody(request) {
	const b = request.body;
	if (!b || (b.bytes === 0 && !b.text)) return { none: text.entry.noBody };
	if (b.text === undefined) return { none: text.entry.binary(bytes(b.bytes)) };
	const note = b.cut ? text.entry.cut : '';
	const type = request.header.find((f) => f.name.toLowerCase() === 'content-type')?.value ?? '';
	try {
		if (parseBody(b.text, type)) return { tree: () => parseBody(b.text, type), text: b.text, note };
	} catch {
		return { text: b.text, note: text.entry.tooDeep };
	}
	return { text: b.text, note };
}

function Raw({ request }) {
	const head = [`${request.method} ${request.target} ${request.version || 'HTTP/1.1'}`, ...request.header.map((f) => `${f.name}: ${f.value}`), '', ''].join('\n');
	const body = request.body?.text ?? (request.body?.base64 ? request.body.base64 : '');
	return html`<${Long} value=${head + body} />`;
}

function Long({ value }) {
	const [end, set] = useState(shownAtOnce);
	return html`<pre class="raw" tabindex="0" aria-label=${text.entry.raw}>${value.slice(0, end)}</pre>${value.length > end && html`<button type="button" class="button tiny" onClick=${() => set(end * 4)}>${text.entry.showAll} (${bytes(value.length - end)})</button>`}`;
}
