// Boundary keeps a fault of a page inside the page, and says so.
import { Component } from './vendor/preact.js';
import { html } from './lib.js';
import { text } from './text.js';

export class Boundary extends Component {
	constructor() {
		super();
		this.state = { broken: false };
	}
	componentDidCatch(error) {
		console.error(error);
		this.setState({ broken: true });
	}
	render({ children }, { broken }) {
		if (!broken) return children;
		return html`<div class="fault" role="alert"><strong>${text.faults.page}</strong><span>${text.faults.page_hint}</span><button class="button tiny" type="button" onClick=${() => location.reload()}>${text.again}</button></div>`;
	}
}
