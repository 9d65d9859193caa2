import { render } from 'preact';
import { App } from './app/app.tsx';
import './design/base.css';

render(<App />, document.getElementById('app')!);
