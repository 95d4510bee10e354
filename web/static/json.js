// A reader of JSON that keeps what JSON.parse loses: order, duplicate names, and numbers as they were written.

const most = 4000; // nodes; a larger body is shown as text

export class TooLarge extends Error {}

// parse gives a node: {kind, text} for scalars, {kind: 'object'|'array', items} for the rest; each item is a node
// with the name it has there. It throws where the text is not JSON.
export function parse(source) {
	let at = 0;
	let count = 0;
	const space = () => { while (at < source.length && ' \t\r\n'.includes(source[at])) at++; };
	const fail = () => { throw new SyntaxError(`at ${at}`); };
	const eat = (c) => { if (source[at] !== c) fail(); at++; };
	const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
	const words = [['true', 'boolean'], ['false', 'boolean'], ['null', 'null']];

	function string() {
		const start = at;
		eat('"');
		while (at < source.length && source[at] !== '"') at += source[at] === '\\' ? 2 : 1;
		eat('"');
		return source.slice(start, at);
	}
	function value(depth) {
		if (++count > most || depth > 128) throw new TooLarge();
		space();
		const c = source[at];
		if (c === '"') { const raw = string(); return { kind: 'string', text: raw, value: JSON.parse(raw) }; }
		if (c === '{' || c === '[') return list(c, depth);
		for (const [word, kind] of words) if (source.startsWith(word, at)) { at += word.length; return { kind, text: word }; }
		number.lastIndex = at;
		const m = number.exec(source);
		if (!m) fail();
		at += m[0].length;
		return { kind: 'number', text: m[0] };
	}
	function list(open, depth) {
		const close = open === '{' ? '}' : ']';
		const node = { kind: open === '{' ? 'object' : 'array', items: [] };
		at++;
		space();
		if (source[at] === close) { at++; return node; }
		for (;;) {
			space();
			let name = node.items.length;
			if (open === '{') {
				name = JSON.parse(string());
				space();
				eat(':');
			}
			const item = value(depth + 1);
			item.name = name;
			node.items.push(item);
			space();
			if (source[at] === ',') { at++; continue; }
			eat(close);
			return node;
		}
	}
	const root = value(0);
	space();
	if (at < source.length) fail();
	return root;
}

// parseBody reads what a body of this media type shows: JSON, lines of JSON, or a form; null for the rest.
export function parseBody(source, type) {
	const trimmed = source.trim();
	if (trimmed === '') return null;
	try {
		return parse(trimmed);
	} catch (e) {
		if (e instanceof TooLarge) throw e;
	}
	if (/x-www-form-urlencoded/i.test(type)) return pairs(trimmed);
	const lines = trimmed.split('\n').filter((l) => l.trim() !== '');
	if (lines.length > 1 && lines.length < 500) {
		try {
			return { kind: 'array', lines: true, items: lines.map((l, i) => Object.assign(parse(l), { name: i })) };
		} catch (e) {
			if (e instanceof TooLarge) throw e;
		}
	}
	return null;
}

// pairs reads a form or a query: an object of strings, duplicates kept.
export function pairs(source) {
	const items = source.split('&').filter(Boolean).slice(0, most).map((pair) => {
		const [name, ...rest] = pair.split('=');
		const value = plus(rest.join('='));
		return { kind: 'string', name: plus(name), text: JSON.stringify(value), value };
	});
	return { kind: 'object', form: true, items };
}

function plus(s) {
	try { return decodeURIComponent(s.replaceAll('+', ' ')); } catch { return s; }
}

// steps reads a selector of names, indices and wildcards ($.a['b'][0][*].c); null for any other.
export function steps(selector) {
	if (!selector.startsWith('$')) return null;
	const out = [];
	const step = /\.([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|\.(\*)|\[(\*)\]|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\["((?:[^"\\]|\\.)*)"\]/y;
	let at = 1;
	while (at < selector.length) {
		step.lastIndex = at;
		const m = step.exec(selector);
		if (!m) return null;
		if (m[2] || m[3]) out.push({ wild: true });
		else if (m[4] !== undefined) out.push({ index: Number(m[4]) });
		else out.push({ name: m[1] ?? unescape(m[5] ?? m[6]) });
		at = step.lastIndex;
	}
	return out;
}

const unescape = (s) => s.replace(/\\u([0-9a-fA-F]{4})|\\(.)/g, (_, hex, c) => (hex ? String.fromCharCode(parseInt(hex, 16)) : { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f' }[c] ?? c));

// mark hangs each edit on the node it is about; a field that did not leave becomes a ghost at its place.
// all: nothing left, so every field is a ghost. It returns the edits that have no single place.
export function mark(root, edits, all = false) {
	const elsewhere = [];
	for (const edit of edits) {
		const path = steps(edit.selector);
		if (!path || !place(root, path, 0, edit, all)) elsewhere.push(edit);
	}
	return elsewhere;
}

function place(node, path, at, edit, all) {
	if (at === path.length) {
		(node.edits ??= []).push(edit);
		return true;
	}
	const step = path[at];
	const kids = node.items?.filter((k) => step.wild || k.name === (step.name ?? step.index)) ?? [];
	const real = kids.filter((k) => !k.ghost || !step.wild);
	if (real.length > 0) return real.map((k) => place(k, path, at + 1, edit, all)).some(Boolean);
	if (edit.effect !== 'removed' && !edit.removed && !all) return false;
	if (node.kind !== 'object' && node.kind !== 'array') return false;
	const ghost = { ghost: true, kind: at + 1 === path.length ? 'gone' : 'object', name: step.wild ? '*' : step.name ?? step.index, items: at + 1 === path.length ? undefined : [] };
	node.items.push(ghost);
	return place(ghost, path, at + 1, edit, all);
}
