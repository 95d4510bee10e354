// A message with each edit marked in place: the body as a tree, headers and query as lists.
import { html, useState, link } from './lib.js';
import { text } from './text.js';
import { what, how } from './words.js';
import { Icon } from './parts.js';

// Line is one line of a message with its mark. about: {rule, why, kind, product, kindTitle}.
export function Line({ depth = 0, edits, ghost, about, children }) {
	const [open, set] = useState(false);
	const edit = edits?.[0];
	// A line that is there although its field was held back was written anew, as User-Agent is.
	const effect = !edit ? '' : edit.effect === 'removed' && !ghost ? 'replaced' : edit.effect;
	const indent = 'in' + Math.min(depth, 12);
	return html`<div class=${'mline ' + effect + (ghost ? ' ghost' : '')}>
		<div class="mrow"><code class=${'mcode wrap ' + indent}>${children}</code>
		${edit && html`<button type="button" class="mark" aria-expanded=${String(open)} onClick=${() => set(!open)}>
			<span class="mtag">${text.entry[effect]}</span><span class="mnote wrap">${effect === 'kept' ? '' : effect === 'replaced' ? text.entry.was(what(edit)) : note(edit)}</span><${Icon} name="down" small /></button>`}</div>
		${open && edits.map((e) => html`<${Why} key=${e.part + e.selector} edit=${e} about=${about} />`)}
	</div>`;
}

function note(edit) {
	const was = what(edit);
	if (edit.effect === 'removed') return [was && text.entry.was(was), edit.transform === 'unlisted' ? text.entry.unlisted : ''].filter(Boolean).join(' · ');
	return [edit.detail || how(edit), was && text.entry.was(was)].filter(Boolean).join(' · ');
}

// Why is what one edit was, by which rule, for what reason, and the way to the switch.
export function Why({ edit, about }) {
	return html`<div class="why">
		<dl class="facts small">
			<dt>${text.entry.wasThere}</dt><dd>${what(edit) || text.unknown}${edit.count > 1 ? ` · ${text.entry.times(edit.count)}` : ''}</dd>
			<dt>${text.entry.done}</dt><dd>${how(edit)} <span class="dim mono">${edit.selector}</span>${edit.error && html`<br /><span class="bad">${edit.error}</span>`}</dd>
			${about.why && html`<dt>${text.entry.reasonTitle}</dt><dd>${about.why}</dd>`}
			${about.rule && html`<dt>${text.entry.rule}</dt><dd><a class="mono" href=${link('rules', about.rule)}>${about.rule}</a></dd>`}
		</dl>
		${about.kind && about.product && html`<a class="button tiny" href=${link('products', about.product, about.kind)}><${Icon} name="products" small />${text.entry.toSwitch(about.kindTitle)}</a>`}
	</div>`;
}

// Tree is a body with its marks, as indented JSON.
export function Tree({ root, about }) {
	return html`<div class="marked">${lines(root, 0, true, about, '0')}</div>`;
}

function lines(node, depth, last, about, key) {
	const comma = last || node.ghost ? '' : ',';
	const name = node.name === undefined ? '' : typeof node.name === 'number' ? '' : html`<span class="k">${JSON.stringify(node.name)}</span>: `;
	if (node.kind === 'gone') return [html`<${Line} key=${key} depth=${depth} edits=${node.edits} ghost about=${about}><span class="k">${typeof node.name === 'number' ? `[${node.name}]` : JSON.stringify(node.name)}</span><//>`];
	if (!node.items) return [html`<${Line} key=${key} depth=${depth} edits=${node.edits} about=${about}>${name}<span class=${'v ' + node.kind}>${node.text}</span>${comma}<//>`];
	const [open, close] = node.kind === 'array' ? '[]' : '{}';
	if (node.items.length === 0) return [html`<${Line} key=${key} depth=${depth} edits=${node.edits} ghost=${node.ghost} about=${about}>${name}${open}${close}${comma}<//>`];
	const real = node.items.filter((i) => !i.ghost).length;
	return [
		html`<${Line} key=${key} depth=${depth} edits=${node.edits} ghost=${node.ghost} about=${about}>${name}${open}<//>`,
		...node.items.flatMap((item, i) => lines(item, depth + 1, i >= real - 1, about, `${key}.${i}`)),
		html`<${Line} key=${key + 'e'} depth=${depth} ghost=${node.ghost} about=${about}>${close}${comma}<//>`,
	];
}

// Pairs is a list of names and values with marks: headers, or the query. prefix is 'header:' or 'query:'.
export function Pairs({ list, edits, prefix, about, fold }) {
	const same = (a, b) => (fold ? a.toLowerCase() === b.toLowerCase() : a === b);
	const mine = edits.filter((e) => e.selector.startsWith(prefix));
	const nameOf = (e) => e.selector.slice(prefix.length);
	const gone = mine.filter((e) => !list.some((p) => same(p.name, nameOf(e))));
	return html`<div class="marked">
		${list.map((p, i) => html`<${Line} key=${i} edits=${pick(mine.filter((e) => same(p.name, nameOf(e))))} about=${about}><span class="k">${p.name}</span>: <span class="v">${p.value}</span><//>`)}
		${gone.map((e, i) => html`<${Line} key=${'g' + i} edits=${[e]} ghost about=${about}><span class="k">${nameOf(e)}</span><//>`)}
	</div>`;
}

const pick = (list) => (list.length ? list : undefined);

// EditList is every edit in a table, for those who want them all at once.
export function EditList({ edits }) {
	return html`<div class="scroll"><table class="cards"><thead><tr><th>${text.fields.columns.field}</th><th>${text.entry.wasThere}</th><th>${text.entry.done}</th><th></th></tr></thead><tbody>
		${edits.map((e, i) => html`<tr key=${i}><td><code class="wrap">${e.selector}</code></td><td data-label=${text.entry.wasThere}>${what(e)}${e.count > 1 ? ` · ${text.entry.times(e.count)}` : ''}</td><td data-label=${text.entry.done}><span>${how(e)}${e.error ? ` · ${e.error}` : ''}</span></td><td><${Effect} effect=${e.effect} /></td></tr>`)}
	</tbody></table></div>`;
}

export function Effect({ effect }) {
	const cls = { kept: 'event', changed: 'generalize', removed: 'drop' }[effect];
	return html`<span class=${'badge ' + cls}>${text.entry.effects[effect] ?? effect}</span>`;
}
