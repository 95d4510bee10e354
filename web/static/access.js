// Access: how you are known, the password, and API tokens.
import { html, useState, useData } from './lib.js';
import { post, remove } from './api.js';
import { text } from './text.js';
import { ago, atTime, until } from './words.js';
import { Panel, Loaded, Copy, toast, faultLine } from './parts.js';

export function Access({ session, setSession }) {
	const t = text.access;
	const known = session.access === 'loopback' ? t.loopback : session.access === 'token' ? t.token : t.session(session.expires ? until(session.expires) : '');
	return html`<div class="grid"><${Panel} title=${t.title}><div class="stack"><p class="small">${known} ${!session.password_set && t.noPassword}</p><${Password} session=${session} setSession=${setSession} /></div><//>
		<${Panel} title=${t.tokens}><${Tokens} /><//></div>`;
}

function Password({ session, setSession }) {
	const t = text.access;
	const empty = { old: '', one: '', two: '' };
	const [v, set] = useState(empty);
	const [line, setLine] = useState('');
	const old = session.password_set && session.access !== 'loopback';
	const type = (name) => (e) => set({ ...v, [name]: e.target.value });
	const save = async (e) => {
		e.preventDefault();
		if (v.one.length < 10) return setLine(t.short);
		if (v.one !== v.two) return setLine(t.differ);
		try {
			setSession(await post('/password', old ? { old: v.old, new: v.one } : { new: v.one }));
			set(empty);
			setLine('');
			toast(t.saved);
		} catch (fault) { setLine(faultLine(fault)); }
		return undefined;
	};
	return html`<details><summary>${session.password_set ? t.change : t.set}</summary><form class="stack form" onSubmit=${save}>
		<input class="sr" type="text" name="username" autocomplete="username" value="scrim" tabindex="-1" aria-hidden="true" readonly />
		${old && html`<label class="field">${t.old}<input type="password" autocomplete="current-password" required value=${v.old} onInput=${type('old')} /></label>`}
		<label class="field">${t.new}<input type="password" autocomplete="new-password" required value=${v.one} onInput=${type('one')} /></label>
		<label class="field">${t.again}<input type="password" autocomplete="new-password" required value=${v.two} onInput=${type('two')} /></label>
		<p class="bad small" role="alert">${line}</p><div><button class="button first" type="submit">${t.save}</button></div></form></details>`;
}

function Tokens() {
	const t = text.access;
	const data = useData('/tokens');
	const [name, setName] = useState('');
	const [made, setMade] = useState(null);
	const make = async (e) => {
		e.preventDefault();
		try { setMade(await post('/tokens', { name: name.trim() })); setName(''); data.again(); } catch (fault) { toast(faultLine(fault), true); }
	};
	const revoke = async (id) => {
		try { await remove('/tokens/' + encodeURIComponent(id)); setMade(null); data.again(); } catch (fault) { toast(faultLine(fault), true); }
	};
	return html`<div class="stack"><${Loaded} of=${data}>${(d) => (d.tokens.length === 0 ? html`<p class="dim small">${t.tokensNone}</p>` : html`<ul class="lines">${d.tokens.map((k) => html`<li key=${k.id}><span class="grow wrap"><b>${k.name}</b><br /><span class="small dim" title=${atTime(k.created)}>${t.created(ago(k.created))} · ${k.last_used ? t.used(ago(k.last_used)) : t.unused}</span></span><button type="button" class="button tiny" onClick=${() => revoke(k.id)} aria-label=${`${t.revoke}: ${k.name}`}>${t.revoke}</button></li>`)}</ul>`)}<//>
		${made && html`<div class="stack"><p class="small">${t.shown}</p><${Copy} value=${made.token} label=${made.name} /></div>`}
		<form class="bar" onSubmit=${make}><input class="grow" type="text" aria-label=${t.tokenName} placeholder=${t.tokenName} maxlength="80" required value=${name} onInput=${(e) => setName(e.target.value)} /><button class="button" type="submit">${t.make}</button></form></div>`;
}
