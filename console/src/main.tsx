import { render } from 'preact';
import { App } from './app';
import { settings } from './i18n';

settings.apply();
render(<App />, document.getElementById('app')!);
