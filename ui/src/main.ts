import { mount } from 'svelte';
import App from './App.svelte';
import './look.css';
import { applyLastTheme } from './theme';

applyLastTheme();
mount(App, { target: document.body });
